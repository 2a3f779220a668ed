//! What a task does: [`Function`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::arg::Arg;
use crate::value::{CodecError, Value};

/// Why a task failed: the task's own error.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Something that a task can call.
pub trait Function: Any + Send + Sync {
    /// Its name, as its users know it.
    fn name(&self) -> &str;

    /// Calls it.
    ///
    /// # Errors
    /// What the function itself raises.
    fn call(&self, call: Call<'_>) -> Result<Value, Failure>;

    /// The value, if calling it does nothing but give one. Such tasks are never run.
    fn constant(&self) -> Option<&Value> {
        None
    }

    /// Does it give its one input, unchanged?
    fn is_alias(&self) -> bool {
        false
    }

    /// Must the calling thread be inside the run's scope (an interpreter, say)?
    fn needs_scope(&self) -> bool {
        false
    }

    /// What to say of it in another process, so that it can be called there.
    ///
    /// # Errors
    /// If it cannot be called anywhere else, or cannot be written.
    fn encode(&self) -> Result<Portable, CodecError> {
        Err(CodecError::NoCodec { type_name: "function" })
    }

    /// Functions with the same number are encoded once where many are. None: each on its own.
    fn identity(&self) -> Option<u128> {
        None
    }
}

/// A function as other processes know it.
#[derive(Clone, Debug, PartialEq)]
pub struct Portable {
    /// Who makes it again there: the name of a registered function, or of a kind of functions.
    pub name: Arc<str>,
    /// What that needs to be told.
    pub parameters: Vec<u8>,
}

/// The arguments of one call.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    args: Option<&'a [Arg]>,
    inputs: &'a [Value],
}

impl<'a> Call<'a> {
    /// A call with `args`, which refer to `inputs`; without `args`, with the inputs themselves.
    pub fn new(args: Option<&'a [Arg]>, inputs: &'a [Value]) -> Call<'a> {
        Call { args, inputs }
    }

    /// The number of arguments.
    pub fn len(&self) -> usize {
        self.args.map_or(self.inputs.len(), <[Arg]>::len)
    }

    /// Are there no arguments?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The arguments as they were written down; None: the inputs, in order.
    pub fn args(&self) -> Option<&'a [Arg]> {
        self.args
    }

    /// The values of the task's inputs.
    pub fn inputs(&self) -> &'a [Value] {
        self.inputs
    }

    /// The value of the argument at `position`.
    ///
    /// # Errors
    /// If it is missing, or what a nested call raises.
    pub fn value(&self, position: usize) -> Result<Value, Failure> {
        let missing = || MissingArgument { position, given: self.len() };
        match self.args {
            Some(args) => args.get(position).ok_or_else(missing)?.eval(self.inputs),
            None => Ok(self.inputs.get(position).ok_or_else(missing)?.clone()),
        }
    }
}

/// A function got too few arguments.
#[derive(Debug, thiserror::Error)]
#[error("argument {position} is missing: {given} were given")]
pub struct MissingArgument {
    /// Which, from 0.
    pub position: usize,
    /// How many there were.
    pub given: usize,
}

/// Gives the same value whenever it is called.
pub struct Constant(pub Value);

impl Function for Constant {
    fn name(&self) -> &str {
        "constant"
    }

    fn call(&self, _: Call<'_>) -> Result<Value, Failure> {
        Ok(self.0.clone())
    }

    fn constant(&self) -> Option<&Value> {
        Some(&self.0)
    }
}

/// Gives its one argument: a second name for a task.
pub struct Alias;

impl Function for Alias {
    fn name(&self) -> &str {
        "alias"
    }

    fn call(&self, call: Call<'_>) -> Result<Value, Failure> {
        call.value(0)
    }

    fn is_alias(&self) -> bool {
        true
    }

    fn encode(&self) -> Result<Portable, CodecError> {
        Ok(Portable { name: ALIAS.into(), parameters: Vec::new() })
    }
}

/// What [`Alias`] is called in other processes.
pub const ALIAS: &str = "alias";

/// A function made of a Rust closure over values.
pub struct FromFn<F> {
    name: &'static str,
    body: F,
}

impl<F> FromFn<F>
where
    F: Fn(&[Value]) -> Result<Value, Failure> + Send + Sync + 'static,
{
    /// Names `body`, which gets the values of all arguments.
    pub fn new(name: &'static str, body: F) -> FromFn<F> {
        FromFn { name, body }
    }
}

impl<F> Function for FromFn<F>
where
    F: Fn(&[Value]) -> Result<Value, Failure> + Send + Sync + 'static,
{
    fn name(&self) -> &str {
        self.name
    }

    fn call(&self, call: Call<'_>) -> Result<Value, Failure> {
        let args: Result<Vec<Value>, _> = (0..call.len()).map(|i| call.value(i)).collect();
        (self.body)(&args?)
    }
}

impl fmt::Debug for dyn Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({})", self.name())
    }
}
