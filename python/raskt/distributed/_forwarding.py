"""Log records of workers that appear at a client."""

from __future__ import annotations

import logging
from typing import Any

from raskt.distributed.plugin import WorkerPlugin

__all__ = ["TOPIC", "ForwardLogging", "handle_record"]

TOPIC = "forwarded-log-record"


class _Forwarder(logging.Handler):
    """Sends records to the clients that listen."""

    def __init__(self, worker: Any, level: Any):
        super().__init__(level)
        self._worker = worker

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record, with its arguments and error as text."""
        parts = dict(record.__dict__, msg=record.getMessage(), args=None)
        if record.exc_info:
            formatter = self.formatter or logging.Formatter()
            parts["exc_text"] = formatter.formatException(record.exc_info)
        parts["exc_info"] = None
        self._worker.log_event(TOPIC, parts)


class ForwardLogging(WorkerPlugin):
    """Makes a worker send what one of its loggers logs."""

    def __init__(self, logger_name: str | None, level: Any = logging.NOTSET):
        self.name = f"forward-logging-{logger_name or '<root>'}"
        self._logger_name = logger_name
        self._level = level
        self._handler: logging.Handler | None = None

    def setup(self, worker: Any) -> None:
        """Begin to send."""
        self._handler = _Forwarder(worker, self._level)
        logging.getLogger(self._logger_name).addHandler(self._handler)

    def teardown(self, worker: Any) -> None:
        """Send no more."""
        if self._handler is not None:
            logging.getLogger(self._logger_name).removeHandler(self._handler)
            self._handler = None


def handle_record(event: Any) -> None:
    """Log a record that came from a worker."""
    record = logging.makeLogRecord(event[1])
    target = logging.getLogger(record.name)
    if target.isEnabledFor(record.levelno):
        target.handle(record)
