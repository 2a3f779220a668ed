//! A progress bar: [`Progress`].

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use parking_lot::Mutex;
use raskt_graph::{Event, Failure, Graph, Subscriber};

/// Counts the tasks of a run and shows a bar on the terminal's standard error; nothing if that
/// is no terminal. It follows one run at a time.
///
/// ```
/// use std::sync::Arc;
/// use raskt::{Progress, prelude::*};
/// # #[raskt::task] fn inc(x: i64) -> i64 { x + 1 }
///
/// # fn main() -> Result<(), raskt::Error> {
/// let progress = Arc::new(Progress::default());
/// Compute::default().subscribe(progress.clone()).run([inc::lazy(1), inc::lazy(2)])?;
/// assert_eq!((progress.done(), progress.total()), (2, 2));
/// # Ok(())
/// # }
/// ```
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    bar: Mutex<ProgressBar>,
}

/// How often the bar is drawn, in a second.
const HZ: u8 = 10;

/// After how many short tasks somebody looks at the clock, which costs as much as a short task.
const STRIDE: u64 = 256;

/// After a task that took so long, its thread looks at the clock anyway.
const LONG: Duration = Duration::from_micros(100);

impl Progress {
    /// How many tasks are done.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// How many tasks there are.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    fn drawn_on(target: ProgressDrawTarget) -> Progress {
        let bar = ProgressBar::with_draw_target(None, target);
        Progress { done: AtomicU64::new(0), total: AtomicU64::new(0), bar: Mutex::new(bar) }
    }

    fn begin(&self, graph: &Graph) {
        let total = graph.ids().filter(|id| !graph.is_constant(*id)).count() as u64;
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        let bar = self.bar.lock();
        bar.set_style(style("{bar:30} {human_pos}/{human_len} tasks, {rate}, {eta} left"));
        bar.reset();
        bar.set_length(total);
    }

    /// Draws the bar, if it is time and nobody else does.
    fn draw(&self) {
        if let Some(bar) = self.bar.try_lock()
            && !bar.is_finished()
        {
            bar.set_position(self.done());
        }
    }

    fn end(&self, complete: bool) {
        let bar = self.bar.lock();
        let of = if complete { "" } else { " of {human_len}" };
        bar.set_style(style(&format!("{{human_pos}}{of} tasks in {{time}}, {{rate}}")));
        bar.set_position(self.done());
        bar.abandon();
    }
}

impl Default for Progress {
    fn default() -> Progress {
        Progress::drawn_on(ProgressDrawTarget::stderr_with_hz(HZ))
    }
}

impl Subscriber for Progress {
    fn on_event(&self, graph: &Graph, event: &Event<'_>) -> Result<(), Failure> {
        match event {
            Event::Began => self.begin(graph),
            Event::Finished { duration, .. } => {
                let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
                if done.is_multiple_of(STRIDE) || *duration >= LONG {
                    self.draw();
                }
            }
            Event::Ended { complete } => self.end(*complete),
            _ => {}
        }
        Ok(())
    }
}

fn style(template: &str) -> ProgressStyle {
    let rate = |state: &ProgressState, out: &mut dyn Write| {
        let rate = state.per_sec();
        let _ = if rate < 10.0 {
            write!(out, "{rate:.1}/s")
        } else {
            write!(out, "{}/s", HumanCount(rate as u64))
        };
    };
    let time = |state: &ProgressState, out: &mut dyn Write| {
        let _ = write!(out, "{:.2} s", state.elapsed().as_secs_f64());
    };
    ProgressStyle::with_template(template)
        .expect("the template is one of ours")
        .with_key("rate", rate)
        .with_key("time", time)
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use indicatif::TermLike;
    use raskt_exec::Synchronous;
    use raskt_graph::{Control, Executor, Function, Key, Node, Prefix, Value, lower};

    use super::*;

    /// A terminal that keeps what is written on it.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            120
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            self.0.lock().push('\n');
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is on the screen after a run of three tasks, of which the last one may fail.
    fn screen(last: impl Function) -> String {
        use raskt_graph::function::Alias;
        let screen = Screen::default();
        let progress = Progress::drawn_on(ProgressDrawTarget::term_like(Box::new(screen.clone())));
        let mut node = Node::constant(Key::text("data"), Value::new(1));
        for function in [Arc::new(Alias) as Arc<dyn Function>, Arc::new(Alias), Arc::new(last)] {
            node = Node::over(Key::unique(Prefix::new("step")), function, [node]);
        }
        let mut control = Control::default();
        control.subscribers.push(Arc::new(progress));
        let _ = Synchronous::default().run(Arc::new(lower(&[node])), control);
        screen.0.lock().clone()
    }

    #[test]
    fn draws_a_bar_and_then_a_line() {
        let screen = screen(raskt_graph::function::Alias);
        assert!(screen.contains(" 0/3 tasks, "), "{screen}");
        let last = screen.lines().last().unwrap();
        assert!(last.starts_with("3 tasks in 0.0"), "{screen}");
    }

    #[test]
    fn says_how_far_a_run_came_that_failed() {
        let failing = raskt_graph::function::FromFn::new("fail", |_| Err("no".into()));
        let screen = screen(failing);
        let last = screen.lines().last().unwrap();
        assert!(last.starts_with("2 of 3 tasks in 0.0"), "{screen}");
    }
}
