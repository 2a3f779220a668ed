//! Metadata: values under paths of names.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use raskt_wire::{Answer, RequestError};

/// All values by path. No path with a value leads to another one.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    values: BTreeMap<Vec<Arc<str>>, Bytes>,
}

impl Metadata {
    /// Sets a value, in place of whatever was there or below.
    pub(crate) fn set(&mut self, path: Vec<Arc<str>>, value: Bytes) -> Answer {
        self.values.retain(|known, _| !known.starts_with(&path) && !path.starts_with(known));
        self.values.insert(path, value);
        Answer::Done
    }

    /// The value there; or all values below, each after the rest of its path, which is written
    /// as a JSON list.
    pub(crate) fn get(&self, path: &[Arc<str>]) -> Result<Answer, RequestError> {
        if let Some(value) = self.values.get(path) {
            return Ok(Answer::Bytes(value.clone()));
        }
        let from = self.values.range(path.to_vec()..);
        let below: Vec<_> = from.take_while(|(known, _)| known.starts_with(path)).collect();
        if below.is_empty() && !path.is_empty() {
            return Err(RequestError::NotFound(format!("nothing is known under {path:?}")));
        }
        let mut all = Vec::with_capacity(2 * below.len());
        for (known, value) in below {
            let rest: Vec<&str> = known[path.len()..].iter().map(|name| &**name).collect();
            all.push(Bytes::from(serde_json::json!(rest).to_string()));
            all.push(value.clone());
        }
        Ok(Answer::Many(all))
    }
}
