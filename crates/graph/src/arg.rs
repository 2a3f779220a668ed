//! The arguments of a task: literals, inputs, and nested lists and calls of them.

use std::sync::Arc;

use crate::function::{Call, Failure, Function};
use crate::payload::List;
use crate::value::Value;

/// One argument.
#[derive(Clone)]
pub enum Arg {
    /// A literal.
    Value(Value),
    /// The result of the task's input with this position.
    Input(u32),
    /// A list of arguments.
    List(Box<[Arg]>),
    /// A call inside the call, made when the task runs: a container to build, or an inlined task.
    Call(Box<Nested>),
}

/// A call inside a call.
#[derive(Clone)]
pub struct Nested {
    /// What is called.
    pub function: Arc<dyn Function>,
    /// With what.
    pub args: Box<[Arg]>,
}

impl Arg {
    /// A call inside the call.
    pub fn call(function: Arc<dyn Function>, args: impl Into<Box<[Arg]>>) -> Arg {
        Arg::Call(Box::new(Nested { function, args: args.into() }))
    }

    /// Its value, given those of the task's inputs.
    ///
    /// # Errors
    /// What a nested call raises.
    pub fn eval(&self, inputs: &[Value]) -> Result<Value, Failure> {
        Ok(match self {
            Arg::Value(value) => value.clone(),
            Arg::Input(slot) => inputs[*slot as usize].clone(),
            Arg::List(items) => {
                let items: Result<_, _> = items.iter().map(|item| item.eval(inputs)).collect();
                Value::from_data(List(items?))
            }
            Arg::Call(nested) => nested.function.call(Call::new(Some(&nested.args), inputs))?,
        })
    }

    /// The same argument with every input put through `change`.
    pub fn map_inputs(&self, change: &mut impl FnMut(u32) -> Arg) -> Arg {
        let mut map = |args: &[Arg]| args.iter().map(|arg| arg.map_inputs(change)).collect();
        match self {
            Arg::Value(value) => Arg::Value(value.clone()),
            Arg::Input(slot) => change(*slot),
            Arg::List(items) => Arg::List(map(items)),
            Arg::Call(nested) => Arg::call(nested.function.clone(), map(&nested.args)),
        }
    }
}
