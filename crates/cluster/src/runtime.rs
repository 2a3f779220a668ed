//! The loop of a node: one thread that waits for sockets, clocks and queues.

/// Runs until the future is done, on this thread. What it has started ends with it.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system has room for another event loop");
    let result = runtime.block_on(future);
    // Threads that are in the middle of a conversion are not waited for.
    runtime.shutdown_background();
    result
}
