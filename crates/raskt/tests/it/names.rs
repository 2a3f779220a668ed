//! Whatever names a function uses, its task works.
#![expect(unused, reason = "names that the attribute might use itself")]

struct Result;
struct Vec;
struct Value;
fn failure() {}

#[raskt::task]
fn args(args: i64, given: i64, value: i64, value_0: i64) -> i64 {
    1000 * args + 100 * given + 10 * value + value_0
}

#[raskt::task]
fn call(call: i64) -> i64 {
    call
}

#[raskt::task]
fn r#type(r#type: i64, (a, _): (i64, i64)) -> i64 {
    r#type + a
}

#[raskt::task]
pub(crate) fn lazy(text: &str) -> std::result::Result<usize, std::num::ParseIntError> {
    text.parse()
}

#[test]
fn names_do_not_meet() {
    assert_eq!(args::lazy(1, 2, 3, 4).compute().unwrap(), 1234);
    assert_eq!(call::pure(5).compute().unwrap(), 5);
    assert_eq!(r#type::lazy(1, (2, 3)).compute().unwrap(), 3);
    assert_eq!(lazy::lazy("7").compute().unwrap(), 7);
}

#[test]
fn a_task_is_called_what_its_function_is_called() {
    assert!(r#type::lazy(1, (2, 3)).key().to_string().starts_with("type-"));
}

#[test]
fn functions_inside_of_functions_are_tasks_too() {
    #[raskt::task]
    fn inner(x: i64) -> i64 {
        2 * x
    }
    assert_eq!(inner::lazy(inner::lazy(1)).compute().unwrap(), 4);
}
