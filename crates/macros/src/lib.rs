//! The attribute `#[raskt::task]`, and the derive `Wire` of messages.
//!
//! The attribute leaves the function as it is and adds a type of the same name (types and
//! functions have separate namespaces) with two functions: `name::lazy(...)` and
//! `name::pure(...)`. The function is registered, so that another process of the program finds
//! it by its name. The attribute knows nothing of how tasks are run.

mod wire;

use proc_macro::TokenStream;
use proc_macro2::{Span, TokenStream as Tokens};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    FnArg, GenericArgument, Ident, ItemFn, Pat, PathArguments, ReturnType, Safety, Signature, Type,
    parse_macro_input,
};

/// Makes a function usable as a task.
///
/// `fn inc(x: i64) -> i64` stays what it is. `inc::lazy(x)` takes values, lazy values, or a mix,
/// and gives a `Delayed<i64>`; `inc::pure(x)` does the same for functions whose result depends
/// on their arguments only: equal calls are made once.
///
/// Arguments may be taken by value (they are cloned for the call) or by reference. A function
/// that gives a `Result<T, E>` is a task with a result of type `T`; its error is the task's.
#[proc_macro_attribute]
pub fn task(attributes: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as ItemFn);
    let result = if attributes.is_empty() {
        expand(&function)
    } else {
        Err(syn::Error::new_spanned(&function.sig, "#[task] takes no arguments"))
    };
    // With an error the function stays, so that its callers are not errors as well.
    let expanded = result.unwrap_or_else(|error| {
        let error = error.to_compile_error();
        quote! { #function #error }
    });
    expanded.into()
}

/// Gives a message its binary form. Used inside of `raskt-wire` only.
#[proc_macro_derive(Wire)]
pub fn derive_wire(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as syn::DeriveInput);
    wire::expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn expand(function: &ItemFn) -> Result<Tokens, syn::Error> {
    let signature = &function.sig;
    refuse(signature)?;
    let params: Vec<Param> =
        signature.inputs.iter().enumerate().map(param).collect::<Result<_, _>>()?;
    let Output { ty: output, is_result } = output(&signature.output)?;
    let (name, visibility) = (&signature.ident, &function.vis);
    let text = name.unraw().to_string();
    let names: Vec<&Ident> = params.iter().map(|p| &p.name).collect();
    let types: Vec<&Tokens> = params.iter().map(|p| &p.owned).collect();
    // The caller's names must not meet ours, so ours are visible to this code only.
    let given = Ident::new("given", Span::mixed_site());
    let args = Ident::new("_args", Span::mixed_site());
    let call = call(name, &params, &args, is_result);
    let code = quote!(#function).to_string();
    let doc = format!("The task that calls [`{text}()`]({text}()).");
    let pass = quote! { #(#names: impl ::std::convert::Into<::raskt::Lazy<#types>>),* };
    let take = quote! {
        Self::call(::std::vec![#(
            ::std::convert::Into::<::raskt::Lazy<#types>>::into(#names).into_argument()
        ),*])
    };
    Ok(quote! {
        #function

        #[doc = #doc]
        #[allow(non_camel_case_types, dead_code)]
        #visibility struct #name {}

        #[allow(dead_code, clippy::too_many_arguments)]
        impl #name {
            /// Makes a task of a call. Every call is a task of its own.
            #visibility fn lazy(#pass) -> ::raskt::Delayed<#output> {
                #take.lazy()
            }

            /// Makes a task of a call whose result depends on its arguments only: equal calls
            /// are one task.
            #visibility fn pure(#pass) -> ::raskt::Delayed<#output> {
                #take.pure()
            }

            fn call(#given: ::std::vec::Vec<::raskt::task::Argument>) -> ::raskt::task::NewTask {
                static FUNCTION: ::raskt::task::Shared = ::raskt::task::Shared::new(
                    #text,
                    ::std::module_path!(),
                    (::std::line!(), ::std::column!()),
                    #code,
                    |#args| ::std::result::Result::Ok(
                        ::raskt::graph::Value::new::<#output>(#call)
                    ),
                    || {
                        use ::raskt::task::{AnyType as _, Probe};
                        [#(Probe::<#types>::types(),)* Probe::<#output>::types()].concat()
                    },
                );
                ::raskt::task::submit! { ::raskt::task::Registered(&FUNCTION) }
                ::raskt::task::NewTask::new(&FUNCTION, #given)
            }
        }
    })
}

/// The call of the function, with what is in `args`.
fn call(name: &Ident, params: &[Param], args: &Ident, is_result: bool) -> Tokens {
    let text = name.unraw().to_string();
    let passed = params.iter().enumerate().map(|(i, Param { owned, by_reference, .. })| {
        let got = quote! { ::raskt::task::get::<#owned>(&#args[#i], #text, #i)? };
        if *by_reference {
            got
        } else {
            quote! { ::std::clone::Clone::clone(#got) }
        }
    });
    let call = quote! { #name(#(#passed),*) };
    if is_result {
        quote! { #call.map_err(::raskt::task::failure)? }
    } else {
        call
    }
}

/// Says what cannot be a task, and why.
fn refuse(signature: &Signature) -> Result<(), syn::Error> {
    let refused = |at: &dyn quote::ToTokens, why: &str| Err(syn::Error::new_spanned(at, why));
    if let Some(at) = &signature.asyncness {
        return refused(at, "an async function cannot be a task");
    }
    if let Safety::Unsafe(at) = &signature.safety {
        return refused(at, "an unsafe function cannot be a task");
    }
    if !signature.generics.params.is_empty() {
        return refused(&signature.generics, GENERIC);
    }
    Ok(())
}

const GENERIC: &str = "a task cannot be generic: name its types";

/// One parameter of the function.
struct Param {
    name: Ident,
    /// What a lazy argument holds.
    owned: Tokens,
    by_reference: bool,
}

fn param((i, input): (usize, &FnArg)) -> Result<Param, syn::Error> {
    let FnArg::Typed(input) = input else {
        let why = "a method cannot be a task: write a function";
        return Err(syn::Error::new_spanned(input, why));
    };
    if matches!(*input.ty, Type::ImplTrait(_)) {
        return Err(syn::Error::new_spanned(&input.ty, GENERIC));
    }
    let name = match &*input.pat {
        Pat::Ident(pattern) => pattern.ident.clone(),
        _ => format_ident!("arg_{i}"),
    };
    let Type::Reference(reference) = &*input.ty else {
        let ty = &input.ty;
        return Ok(Param { name, owned: quote!(#ty), by_reference: false });
    };
    if reference.mutability.is_some() {
        let why = "a task cannot change its arguments: take them by value";
        return Err(syn::Error::new_spanned(reference, why));
    }
    // `&[T]` borrows from a `Vec<T>`, `&str` from a `String`, most types from themselves.
    let elem = &reference.elem;
    let owned = quote_spanned! { elem.span() => <#elem as ::std::borrow::ToOwned>::Owned };
    Ok(Param { name, owned, by_reference: true })
}

/// What the task's result holds, and whether the function may fail.
struct Output {
    ty: Tokens,
    is_result: bool,
}

fn output(output: &ReturnType) -> Result<Output, syn::Error> {
    let ReturnType::Type(_, ty) = output else {
        return Ok(Output { ty: quote!(()), is_result: false });
    };
    match &**ty {
        Type::Reference(_) => {
            let why = "a task's result outlives its arguments: give an owned value";
            return Err(syn::Error::new_spanned(ty, why));
        }
        Type::ImplTrait(_) => {
            return Err(syn::Error::new_spanned(ty, "a task's result needs a named type"));
        }
        Type::Path(path) => {
            if let Some(last) = path.path.segments.last()
                && last.ident == "Result"
                && let PathArguments::AngleBracketed(arguments) = &last.arguments
                && let Some(GenericArgument::Type(ok)) = arguments.args.first()
            {
                return Ok(Output { ty: quote!(#ok), is_result: true });
            }
        }
        _ => {}
    }
    Ok(Output { ty: quote!(#ty), is_result: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[track_caller]
    fn refusal(function: ItemFn) -> String {
        expand(&function).expect_err("it cannot be a task").to_string()
    }

    #[test]
    fn refuses_what_cannot_be_a_task() {
        let generic = "a task cannot be generic: name its types";
        for (function, why) in [
            (parse_quote! { async fn f() {} }, "an async function cannot be a task"),
            (parse_quote! { unsafe fn f() {} }, "an unsafe function cannot be a task"),
            (parse_quote! { fn f<T>(x: T) {} }, generic),
            (parse_quote! { fn f(x: impl Copy) {} }, generic),
            (parse_quote! { fn f(&self) {} }, "a method cannot be a task: write a function"),
            (
                parse_quote! { fn f(x: &mut i64) {} },
                "a task cannot change its arguments: take them by value",
            ),
            (
                parse_quote! { fn f(x: &str) -> &str { x } },
                "a task's result outlives its arguments: give an owned value",
            ),
            (parse_quote! { fn f() -> impl Copy {} }, "a task's result needs a named type"),
        ] {
            assert_eq!(refusal(function), why);
        }
    }

    #[test]
    fn a_result_stands_for_what_it_holds_when_all_is_well() {
        for (result, holds, may_fail) in [
            (parse_quote! { -> Result<i64, String> }, "i64", true),
            (parse_quote! { -> std::io::Result<Vec<u8>> }, "Vec < u8 >", true),
            (parse_quote! { -> Option<i64> }, "Option < i64 >", false),
            (parse_quote! { -> Result }, "Result", false),
            (ReturnType::Default, "()", false),
        ] {
            let Output { ty, is_result } = output(&result).unwrap();
            assert_eq!((ty.to_string().as_str(), is_result), (holds, may_fail));
        }
    }
}
