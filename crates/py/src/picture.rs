//! Graphs in words, in order and in pictures.

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use raskt_draw::{Direction, DrawError, Node, Picture, Shape};
use raskt_exec::run::describe;

use crate::dict_graph::{python_key, read_graph};
use crate::value::to_python;
use crate::values::Values;

/// What will be computed, in words.
#[pyfunction]
pub(crate) fn explain(values: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(raskt_graph::explain::explain(&Values::with(values, |values| values.lower(false))?))
}

/// For each task of the graph, its place in the order.
#[pyfunction]
pub(crate) fn order<'py>(
    py: Python<'py>,
    dsk: &Bound<'py, PyAny>,
    keys: Vec<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let graph = read_graph(dsk, keys)?.lower(false);
    let dict = PyDict::new(py);
    for id in graph.ids() {
        dict.set_item(python_key(py, graph.node(id))?, id.0)?;
    }
    Ok(dict)
}

/// What a picture shows of one task: key, function, whether it is data, and its inputs.
type Shown<'py> = (Bound<'py, PyAny>, String, bool, Vec<u32>);

/// The tasks in order, for pictures.
#[pyfunction]
pub(crate) fn tasks<'py>(py: Python<'py>, values: &Bound<'py, PyAny>) -> PyResult<Vec<Shown<'py>>> {
    let graph = Values::with(values, |values| values.lower(false))?;
    let shown = |id| {
        let node = graph.node(id);
        let inputs = graph.dependencies(id).iter().map(|dep| dep.0).collect();
        let name = node.function().name().to_string();
        Ok((python_key(py, node)?, name, graph.is_constant(id), inputs))
    };
    graph.ids().map(shown).collect()
}

/// A task in a picture: key, name of the function, kind, inputs, and for data its value, unless
/// that has no Python form.
type Drawn<'py> = (Bound<'py, PyAny>, String, &'static str, Vec<u32>, Vec<Bound<'py, PyAny>>);

/// The tasks in order, for pictures: each is a `"call"`, an `"alias"` or `"data"`.
///
/// Unlike a graph of task objects, this also tells of tasks that have no Python form.
#[pyfunction]
pub(crate) fn drawn<'py>(py: Python<'py>, values: &Bound<'py, PyAny>) -> PyResult<Vec<Drawn<'py>>> {
    let graph = Values::with(values, |values| values.lower(false))?;
    let drawn = |id| {
        let node = graph.node(id);
        let inputs = graph.dependencies(id).iter().map(|dep| dep.0).collect();
        let function = node.function();
        let value = function.constant().map(|value| to_python(py, value).ok());
        let kind = match &value {
            Some(_) => "data",
            None if function.is_alias() => "alias",
            None => "call",
        };
        let value = value.flatten().into_iter().collect();
        Ok((python_key(py, node)?, function.name().to_string(), kind, inputs, value))
    };
    graph.ids().map(drawn).collect()
}

/// Pixels to a unit of the layout, so that small text is sharp.
const PNG_SCALE: f32 = 1.5;

/// What a node looks like: label, shape, colour inside and tooltip.
type Look = (String, String, Option<String>, String);

/// A picture in bytes: as `"svg"`, `"png"` or `"dot"`.
#[pyfunction]
pub(crate) fn draw<'py>(
    py: Python<'py>,
    nodes: Vec<Look>,
    edges: Vec<(u32, u32)>,
    direction: &str,
    format: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let direction = match direction {
        "BT" => Direction::BottomToTop,
        "TB" => Direction::TopToBottom,
        "LR" => Direction::LeftToRight,
        "RL" => Direction::RightToLeft,
        _ => return Err(unknown("a direction", direction, "\"BT\", \"TB\", \"LR\" or \"RL\"")),
    };
    let nodes = nodes.into_iter().map(node).collect::<PyResult<Vec<Node>>>()?;
    let picture = Picture { nodes, edges, direction };
    let drawn = py.detach(|| match format {
        "svg" => Some(picture.to_svg().map(String::into_bytes)),
        "png" => Some(picture.to_png(PNG_SCALE)),
        "dot" => Some(picture.to_dot().map(String::into_bytes)),
        _ => None,
    });
    match drawn {
        Some(Ok(bytes)) => Ok(PyBytes::new(py, &bytes)),
        Some(Err(error)) => Err(drawing_error(error)),
        None => Err(unknown("a format", format, "\"svg\", \"png\" or \"dot\"")),
    }
}

fn node((label, shape, fill, tooltip): Look) -> PyResult<Node> {
    let shape = match shape.as_str() {
        "box" => Shape::Box,
        "circle" => Shape::Circle,
        _ => return Err(unknown("a shape", &shape, "\"box\" or \"circle\"")),
    };
    let fill = fill.map(|color| color.parse()).transpose().map_err(drawing_error)?;
    Ok(Node { fill, tooltip, ..Node::new(label, shape) })
}

fn unknown(what: &str, given: &str, known: &str) -> PyErr {
    PyValueError::new_err(format!("{given:?} is not {what}: use {known}"))
}

/// The caller's mistakes are `ValueError`s, those of the renderer are not.
fn drawing_error(error: DrawError) -> PyErr {
    let is_ours = matches!(error, DrawError::Render { .. } | DrawError::Encode { .. });
    let text = describe(&error.into());
    if is_ours { PyRuntimeError::new_err(text) } else { PyValueError::new_err(text) }
}
