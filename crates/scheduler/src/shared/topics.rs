//! Topics: messages by name, told to who listens, the last of them kept.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use raskt_wire::{Answer, ClientId, EventRecord, RequestError, ToClient};

use crate::questions::{Asker, Origin};
use crate::scheduler::Scheduler;

/// All topics by name.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    by_name: BTreeMap<Arc<str>, VecDeque<EventRecord>>,
}

impl Topics {
    pub(crate) fn events(&self, topic: &str) -> Answer {
        let events = self.by_name.get(topic).into_iter().flatten();
        Answer::Events(events.cloned().collect())
    }

    pub(crate) fn names(&self) -> Answer {
        Answer::Names(self.by_name.keys().cloned().collect())
    }
}

impl Scheduler {
    pub(crate) fn event_log(&mut self, topic: Arc<str>, payload: Bytes) -> Answer {
        let time_us = self.now.0;
        let events = self.shared.topics.by_name.entry(topic.clone()).or_default();
        while events.len() >= self.config.events.max(1) {
            events.pop_front();
        }
        events.push_back(EventRecord { time_us, payload: payload.clone() });
        let listens = self.clients.iter().filter(|client| client.topics.contains(&topic));
        let listeners: Vec<ClientId> = listens.map(|client| client.id).collect();
        for id in listeners {
            let (topic, payload) = (topic.clone(), payload.clone());
            self.clients.post(id, ToClient::Event { topic, time_us, payload });
        }
        Answer::Done
    }

    pub(crate) fn listen(
        &mut self,
        from: Origin,
        topic: Arc<str>,
        on: bool,
    ) -> Result<Answer, RequestError> {
        let client = match from.0 {
            Asker::Client(id) => self.clients.get_mut(id),
            Asker::Worker(_) => None,
        };
        let Some(client) = client else {
            let text = "only clients listen to topics; open a client in the task".to_string();
            return Err(RequestError::Refused(text));
        };
        if on {
            client.topics.insert(topic);
        } else {
            client.topics.remove(&topic);
        }
        Ok(Answer::Done)
    }
}
