//! The derive `Wire`: a type in the binary form of `raskt-wire`.
//!
//! Fields are written one after the other, in the order in which they stand in the source.
//! A variant of an enum is one byte, its position in the source, and then its fields.

use proc_macro2::{Span, TokenStream as Tokens};
use quote::{format_ident, quote};
use syn::{Data, DataEnum, DeriveInput, Fields, Ident, Index, Variant};

pub(crate) fn expand(input: &DeriveInput) -> Result<Tokens, syn::Error> {
    let name = &input.ident;
    if !input.generics.params.is_empty() {
        return Err(syn::Error::new_spanned(&input.generics, "a message has no parameters"));
    }
    let (write, read) = match &input.data {
        Data::Struct(data) => of_struct(&data.fields),
        Data::Enum(data) => of_enum(data)?,
        Data::Union(_) => return Err(syn::Error::new_spanned(name, "a message is no union")),
    };
    Ok(quote! {
        impl crate::codec::Wire for #name {
            fn write(&self, to: &mut crate::codec::Writer) {
                #write
            }

            fn read(from: &mut crate::codec::Reader) -> Result<Self, crate::error::WireError> {
                #read
            }
        }
    })
}

fn of_struct(fields: &Fields) -> (Tokens, Tokens) {
    let members: Vec<Tokens> = fields
        .iter()
        .enumerate()
        .map(|(i, field)| match &field.ident {
            Some(ident) => quote!(#ident),
            None => {
                let index = Index::from(i);
                quote!(#index)
            }
        })
        .collect();
    let write = quote! { #(crate::codec::Wire::write(&self.#members, to);)* };
    let read = quote! { Ok(Self { #(#members: crate::codec::Wire::read(from)?),* }) };
    (write, read)
}

fn of_enum(data: &DataEnum) -> Result<(Tokens, Tokens), syn::Error> {
    let mut writes = Vec::new();
    let mut reads = Vec::new();
    for (number, variant) in data.variants.iter().enumerate() {
        let number = u8::try_from(number)
            .map_err(|_| syn::Error::new_spanned(variant, "an enum has at most 256 variants"))?;
        let Variant { ident, fields, .. } = variant;
        let names: Vec<Ident> = (0..fields.len()).map(|i| format_ident!("field_{}", i)).collect();
        let members: Vec<Tokens> = fields
            .iter()
            .enumerate()
            .map(|(i, field)| match &field.ident {
                Some(ident) => quote!(#ident),
                None => {
                    let index = Index::from(i);
                    quote!(#index)
                }
            })
            .collect();
        writes.push(quote! {
            Self::#ident { #(#members: #names),* } => {
                to.put_u8(#number);
                #(crate::codec::Wire::write(#names, to);)*
            }
        });
        reads.push(quote! {
            #number => Self::#ident { #(#members: crate::codec::Wire::read(from)?),* }
        });
    }
    let tag = Ident::new("tag", Span::mixed_site());
    let write = quote! { match self { #(#writes)* } };
    let read = quote! {
        let #tag = from.take_u8()?;
        Ok(match #tag {
            #(#reads,)*
            _ => return Err(crate::error::WireError::UnknownVariant {
                type_name: ::std::any::type_name::<Self>(),
                tag: #tag,
            }),
        })
    };
    Ok((write, read))
}
