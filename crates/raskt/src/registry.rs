//! What a program can be asked for by name: its task functions, and the types that they take
//! and give.
//!
//! Every function with the attribute `#[raskt::task]` is in a list that the linker makes
//! ([`inventory`]). Another process of the same program, or of one that contains the same
//! functions, finds there what a name in a message stands for.

use std::any::{TypeId, type_name};
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use raskt_graph::hash::Map;
use raskt_graph::tokenize::token_of_bytes;
use raskt_graph::value::Decode;
use raskt_graph::{Call, CodecError, Failure, Function, Payload, Portable, Prefix, Value};

/// What a task's function looks like inside.
pub type Body = fn(&[Value]) -> Result<Value, Failure>;

/// A function as its tasks share it.
pub struct Shared {
    pub(crate) name: &'static str,
    module: &'static str,
    /// Line and column in its file.
    place: (u32, u32),
    code: &'static str,
    body: Body,
    /// What it takes and gives.
    types: fn() -> Vec<Type>,
    made: OnceLock<Made>,
}

/// What is made of a function when it is used for the first time.
pub(crate) struct Made {
    pub(crate) prefix: Prefix,
    pub(crate) function: Arc<dyn Function>,
    /// Differs from that of every function that reads differently or is in another module.
    pub(crate) identity: u128,
}

impl Shared {
    /// The function with this name in this module, at this line and column, which reads so.
    pub const fn new(
        name: &'static str,
        module: &'static str,
        place: (u32, u32),
        code: &'static str,
        body: Body,
        types: fn() -> Vec<Type>,
    ) -> Shared {
        Shared { name, module, place, code, body, types, made: OnceLock::new() }
    }

    pub(crate) fn made(&'static self) -> &'static Made {
        self.made.get_or_init(|| Made {
            prefix: Prefix::new(self.name),
            function: Arc::new(TaskFunction(self)),
            identity: self.identity(),
        })
    }

    fn identity(&self) -> u128 {
        let mut bytes = Vec::with_capacity(self.module.len() + self.code.len() + 16);
        for part in [self.module, self.code] {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        let digits = token_of_bytes(&bytes).to_string();
        u128::from_str_radix(&digits, 16).expect("a token is written in hexadecimal digits")
    }

    fn path(&self) -> String {
        format!("{}::{}", self.module, self.name)
    }
}

/// Stands in the list of the linker.
pub struct Registered(pub &'static Shared);

inventory::collect!(Registered);

/// Calls a function with the attribute.
struct TaskFunction(&'static Shared);

/// What stands before the path of a function in its name for other processes.
const FUNCTION: &str = "rust:";

/// Makes a vector of its arguments. Other processes are told the type of the elements.
const GATHER: &str = "rust-gather";

impl Function for TaskFunction {
    fn name(&self) -> &str {
        self.0.name
    }

    fn call(&self, call: Call<'_>) -> Result<Value, Failure> {
        let args: Result<Vec<Value>, _> = (0..call.len()).map(|i| call.value(i)).collect();
        (self.0.body)(&args?)
    }

    fn encode(&self) -> Result<Portable, CodecError> {
        let identity = self.0.made().identity.to_le_bytes();
        let mut name = format!("{FUNCTION}{}", self.0.path());
        // Functions inside of functions may have the same name, and read the same.
        if registry().same_functions(&self.0.path(), &identity).len() > 1 {
            let (line, column) = self.0.place;
            name.push_str(&format!("@{line}:{column}"));
        }
        Ok(Portable { name: name.into(), parameters: identity.to_vec() })
    }
}

/// Makes a vector of values of one type.
pub(crate) struct Gather<T>(PhantomData<fn() -> T>);

impl<T: Payload> Gather<T> {
    pub(crate) fn shared() -> Arc<dyn Function> {
        Arc::new(Gather::<T>(PhantomData))
    }
}

impl<T: Payload> Function for Gather<T> {
    fn name(&self) -> &str {
        "gather"
    }

    fn call(&self, call: Call<'_>) -> Result<Value, Failure> {
        let item = |i| crate::task::get::<T>(&call.value(i)?, "gather", i).cloned();
        let items: Result<Vec<T>, Failure> = (0..call.len()).map(item).collect();
        Ok(Value::new(items?))
    }

    fn encode(&self) -> Result<Portable, CodecError> {
        Ok(Portable { name: GATHER.into(), parameters: type_name::<T>().into() })
    }
}

/// A type that tasks take or give.
#[derive(Clone, Copy)]
pub struct Type {
    name: &'static str,
    id: TypeId,
    decode: Decode,
    gather: fn() -> Arc<dyn Function>,
}

impl Type {
    fn of<T: Payload>() -> Type {
        Type {
            name: type_name::<T>(),
            id: TypeId::of::<T>(),
            decode: decode::<T>,
            gather: Gather::<T>::shared,
        }
    }
}

/// The other half of what a value of a Rust type does to be written.
fn decode<T: Payload>(bytes: &[u8], _: Vec<Vec<u8>>) -> Result<Value, CodecError> {
    postcard::from_bytes::<T>(bytes).map(Value::new).map_err(|error| CodecError::Decode {
        type_name: type_name::<T>(),
        source: Box::new(error),
    })
}

/// Finds out which types are to be known because a task takes or gives a `T`: of a vector,
/// also that of its elements.
pub struct Probe<T>(PhantomData<T>);

impl<T: Payload> Probe<Vec<T>> {
    /// The types.
    pub fn types() -> Vec<Type> {
        vec![Type::of::<Vec<T>>(), Type::of::<T>()]
    }
}

/// What [`Probe`] gives for other types than vectors: a function of the type itself goes
/// before one of a trait.
pub trait AnyType {
    /// The types.
    fn types() -> Vec<Type>;
}

impl<T: Payload> AnyType for Probe<T> {
    fn types() -> Vec<Type> {
        vec![Type::of::<T>()]
    }
}

/// Something was asked for by name and is not here.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// No function has the name.
    #[error(
        "there is no task {0} in this program; the worker must be the program that defines it \
         (call raskt::worker::main() there and start it as worker)"
    )]
    NoFunction(String),
    /// A function has the name, and reads differently.
    #[error(
        "the task {0} of this worker was built from other code than that of the client; build \
         both from the same source"
    )]
    OtherCode(String),
    /// Several functions have the name, and read the same.
    #[error("there are several tasks {0} with the same code; give them different names")]
    SameFunctions(String),
    /// No type has the name.
    #[error("no task of this program takes or gives a {0}")]
    NoType(String),
    /// Several types have the name.
    #[error("tasks of this program use several types that are all called {0}; rename one")]
    SameTypes(String),
}

/// The functions and types of this program.
pub(crate) struct Registry {
    functions: Map<String, Vec<&'static Shared>>,
    /// None: several have the name.
    types: Map<&'static str, Option<Type>>,
}

/// Those of this program, collected when they are needed for the first time.
pub(crate) fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| Registry::of(inventory::iter::<Registered>().map(|entry| entry.0)))
}

impl Registry {
    fn of(all: impl Iterator<Item = &'static Shared>) -> Registry {
        let mut registry = Registry { functions: Map::default(), types: Map::default() };
        common_types().into_iter().for_each(|known| registry.add(known));
        for function in all {
            registry.functions.entry(function.path()).or_default().push(function);
            (function.types)().into_iter().for_each(|known| registry.add(known));
        }
        registry
    }

    fn add(&mut self, new: Type) {
        let entry = self.types.entry(new.name).or_insert(Some(new));
        if entry.is_some_and(|known| known.id != new.id) {
            *entry = None;
        }
    }

    /// The function that another process speaks of.
    pub(crate) fn function(&self, portable: &Portable) -> Result<Arc<dyn Function>, NameError> {
        let Portable { name, parameters } = portable;
        if &**name == GATHER {
            return Ok((self.find_type(&String::from_utf8_lossy(parameters))?.gather)());
        }
        let name = name.strip_prefix(FUNCTION).unwrap_or(name);
        let (path, place) = name.split_once('@').map_or((name, None), |(p, at)| (p, Some(at)));
        if !self.functions.contains_key(path) {
            return Err(NameError::NoFunction(path.to_string()));
        }
        let mut same = self.same_functions(path, parameters);
        if let Some(place) = place.filter(|_| same.len() > 1) {
            same.retain(|shared| format!("{}:{}", shared.place.0, shared.place.1) == place);
        }
        match same[..] {
            [] => Err(NameError::OtherCode(path.to_string())),
            [function] => Ok(function.made().function.clone()),
            _ => Err(NameError::SameFunctions(path.to_string())),
        }
    }

    /// Functions with the same name that read the same.
    fn same_functions(&self, path: &str, identity: &[u8]) -> Vec<&'static Shared> {
        let named = self.functions.get(path).map_or(&[][..], Vec::as_slice);
        let is_same = |shared: &&'static Shared| shared.made().identity.to_le_bytes() == *identity;
        named.iter().copied().filter(is_same).collect()
    }

    /// What makes values of a type again.
    pub(crate) fn decode(&self, type_name: &str) -> Result<Decode, NameError> {
        Ok(self.find_type(type_name)?.decode)
    }

    fn find_type(&self, name: &str) -> Result<Type, NameError> {
        match self.types.get(name) {
            Some(Some(known)) => Ok(*known),
            Some(None) => Err(NameError::SameTypes(name.to_string())),
            None => Err(NameError::NoType(name.to_string())),
        }
    }
}

/// What is known in every program.
fn common_types() -> Vec<Type> {
    fn both<T: Payload>() -> [Type; 2] {
        [Type::of::<T>(), Type::of::<Vec<T>>()]
    }
    let integers = [
        both::<i8>(),
        both::<i16>(),
        both::<i32>(),
        both::<i64>(),
        both::<u8>(),
        both::<u16>(),
        both::<u32>(),
        both::<u64>(),
        both::<usize>(),
    ];
    let others = [both::<f32>(), both::<f64>(), both::<bool>(), both::<String>(), both::<()>()];
    integers.into_iter().chain(others).flatten().collect()
}

/// Puts the name of what was asked for into the error of a codec.
pub(crate) fn codec_error(error: NameError) -> CodecError {
    let type_name = match error {
        NameError::NoType(_) | NameError::SameTypes(_) => "value",
        _ => "function",
    };
    CodecError::Decode { type_name, source: Box::new(error) }
}
