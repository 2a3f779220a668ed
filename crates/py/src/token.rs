//! Tokens of Python objects: the fast cases here, the rest in `raskt.tokenize`.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyString, PyTuple};
use raskt_graph::Token;
use raskt_graph::tokenize::token_of_bytes;

use crate::cluster::future::Future;
use crate::delayed::Delayed;

/// Collects the bytes that a token stands for. Every part says its kind and its length, so
/// that different parts never read the same.
pub(crate) struct Tokenizer(Vec<u8>);

impl Tokenizer {
    pub(crate) fn new(salt: &str) -> Tokenizer {
        let mut tokenizer = Tokenizer(Vec::with_capacity(96));
        tokenizer.part(b'#', salt.as_bytes());
        tokenizer
    }

    pub(crate) fn finish(self) -> Token {
        token_of_bytes(&self.0)
    }

    fn part(&mut self, kind: u8, bytes: &[u8]) {
        self.0.push(kind);
        self.0.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.part(b't', text.as_bytes());
    }

    pub(crate) fn args(
        &mut self,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        self.part(b'(', &(args.len() as u64).to_le_bytes());
        args.iter().try_for_each(|arg| self.object(&arg))?;
        if let Some(kwargs) = kwargs {
            // Python keeps the order of keyword arguments, their meaning does not depend on it.
            let mut items: Vec<(String, Bound<'_, PyAny>)> = Vec::with_capacity(kwargs.len());
            for (name, value) in kwargs.iter() {
                items.push((name.extract()?, value));
            }
            items.sort_by(|a, b| a.0.cmp(&b.0));
            for (name, value) in items {
                self.part(b'=', name.as_bytes());
                self.object(&value)?;
            }
        }
        Ok(())
    }

    pub(crate) fn object(&mut self, object: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(delayed) = object.cast::<Delayed>() {
            self.part(b'k', delayed.get().node.key().to_string().as_bytes());
        } else if let Ok(future) = object.cast::<Future>() {
            self.part(b'k', Future::node(future)?.key().to_string().as_bytes());
        } else if let Ok(text) = object.cast_exact::<PyString>() {
            self.part(b's', text.to_cow()?.as_bytes());
        } else if object.is_exact_instance_of::<PyBool>() {
            self.part(b'b', &[u8::from(object.is_truthy()?)]);
        } else if object.is_none() {
            self.part(b'n', &[]);
        } else if let Ok(float) = object.cast_exact::<PyFloat>() {
            self.part(b'f', &float.value().to_le_bytes());
        } else if let Ok(bytes) = object.cast_exact::<PyBytes>() {
            self.part(b'y', bytes.as_bytes());
        } else if object.is_exact_instance_of::<PyInt>()
            && let Ok(int) = object.extract::<i64>()
        {
            self.part(b'i', &int.to_le_bytes());
        } else {
            self.part(b'o', tokenize(object)?.as_bytes());
        }
        Ok(())
    }
}

/// What `raskt.tokenize.tokenize` says.
pub(crate) fn tokenize(object: &Bound<'_, PyAny>) -> PyResult<String> {
    static TOKENIZE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = object.py();
    TOKENIZE.import(py, "raskt.tokenize", "tokenize")?.call1((object,))?.extract()
}
