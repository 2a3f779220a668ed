//! Tokens: equal for equal values, in every process; different for different ones.

use std::collections::BTreeMap;

use proptest::prelude::*;
use raskt_graph::Token;
use raskt_graph::tokenize::{token, token_of_bytes};

type Any = (i64, String, Vec<Option<f64>>, BTreeMap<String, Vec<u8>>);

fn anything() -> impl Strategy<Value = Any> {
    let float = any::<f64>();
    let map = prop::collection::btree_map(".{0,4}", any::<Vec<u8>>(), 0..4);
    (any::<i64>(), ".{0,8}", prop::collection::vec(prop::option::of(float), 0..4), map)
}

fn of(salt: &str, value: &Any) -> Token {
    token(salt, value).unwrap()
}

proptest! {
    #[test]
    fn equal_values_have_equal_tokens(value in anything(), salt in ".{0,8}") {
        prop_assert_eq!(of(&salt, &value), of(&salt, &value.clone()));
    }

    #[test]
    fn other_values_have_other_tokens(value in anything(), other in anything()) {
        let same_bits = |a: &Any, b: &Any| {
            let bits = |v: &Any| v.2.iter().map(|x| x.map(f64::to_bits)).collect::<Vec<_>>();
            a.0 == b.0 && a.1 == b.1 && bits(a) == bits(b) && a.3 == b.3
        };
        prop_assert_eq!(of("f", &value) == of("f", &other), same_bits(&value, &other));
    }

    #[test]
    fn where_the_salt_ends_makes_a_difference(text in ".{2,8}", at in 0..8_usize) {
        let bounds: Vec<usize> = text.char_indices().map(|(i, _)| i).collect();
        let at = bounds[at % bounds.len()];
        let (salt, rest) = text.split_at(at);
        let split = token(salt, rest).unwrap();
        prop_assert_ne!(split, token(&text, "").unwrap());
        prop_assert_eq!(split == token("", &text).unwrap(), salt.is_empty());
    }

    #[test]
    fn tokens_read_as_they_are_written(bits in any::<u128>()) {
        let token = Token::from_u128(bits);
        prop_assert_eq!(Token::parse(&token.to_string()), Some(token));
        prop_assert_eq!(token.to_string().len(), 32);
    }
}

/// What is written here was computed by another process: keys live longer than processes.
#[test]
fn tokens_do_not_depend_on_the_process() {
    assert_eq!(token_of_bytes(b"").to_string(), "99aa06d3014798d86001c324468d497f");
    assert_eq!(
        token("inc", &(1_i64, "x", [0.5_f64])).unwrap().to_string(),
        "5ccdd6542f8246614d31baa256d539a9"
    );
}

#[test]
fn text_that_is_no_token_is_refused() {
    let good = "00112233445566778899aabbccddeeff";
    assert!(Token::parse(good).is_some());
    for bad in
        ["", &good[1..], "00112233445566778899AABBCCDDEEFF", "+0112233445566778899aabbccddeeff"]
    {
        assert_eq!(Token::parse(bad), None, "{bad}");
    }
}
