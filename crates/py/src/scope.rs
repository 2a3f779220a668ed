//! What surrounds Python calls: the interpreter's lock, and the caller's context variables.

use pyo3::prelude::*;
use raskt_exec::Scope;

/// Attached to the interpreter, with the context variables of whoever asked for the run.
pub(crate) struct Attached {
    /// Copied for each thread: a context can be entered only once at a time.
    context: Option<Py<PyAny>>,
}

impl Attached {
    /// On other threads: each with a copy of the caller's context variables.
    pub(crate) fn with_context(py: Python<'_>) -> PyResult<Attached> {
        let context = py.import("contextvars")?.call_method0("copy_context")?;
        Ok(Attached { context: Some(context.unbind()) })
    }

    /// On the calling thread.
    pub(crate) fn here() -> Attached {
        Attached { context: None }
    }
}

impl Scope for Attached {
    fn enter(&self, body: &mut dyn FnMut()) {
        Python::attach(|py| {
            let Some(context) = &self.context else { return body() };
            let mut ran = false;
            let result = (|| {
                let copy = context.bind(py).call_method0("copy")?;
                let mut body = || {
                    ran = true;
                    body();
                };
                // SAFETY: the object is called before this function returns, and never after.
                let body: &mut (dyn FnMut() + 'static) =
                    unsafe { std::mem::transmute(&mut body as &mut dyn FnMut()) };
                let call = Bound::new(py, Body(body))?;
                copy.call_method1("run", (call,)).map(drop)
            })();
            if result.is_err() && !ran {
                // Without the context variables rather than not at all.
                body();
            }
        });
    }
}

/// A Rust closure that Python can call.
#[pyclass(module = "raskt._native")]
pub(crate) struct Body(*mut (dyn FnMut() + 'static));

// SAFETY: it is made, called and dropped on one thread.
unsafe impl Send for Body {}
// SAFETY: as above.
unsafe impl Sync for Body {}

#[pymethods]
impl Body {
    fn __call__(&mut self) {
        // SAFETY: `Attached::enter` keeps the closure alive while the object can be called.
        unsafe { (*self.0)() }
    }
}
