//! Keys: equal if they read the same, whichever way they were made.

use std::hash::{BuildHasher, Hash};

use proptest::prelude::*;
use raskt_graph::hash::Set;
use raskt_graph::{Key, Prefix, Token};

fn hash(key: impl Hash) -> u64 {
    raskt_graph::hash::BuildHasher::default().hash_one(key)
}

/// Texts of which some end like a token.
fn texts() -> impl Strategy<Value = String> {
    let tail = prop_oneof![Just(String::new()), "-[0-9a-f]{32}", "-[0-9a-fA-F]{30,33}"];
    ("[a-zæ-]{0,6}", tail).prop_map(|(head, tail)| head + &tail)
}

proptest! {
    #[test]
    fn read_as_written(text in texts()) {
        let key = Key::text(&text);
        prop_assert_eq!(key.to_string(), text.clone());
        prop_assert!(!key.is_unique());
        // Making the prefix known afterwards changes how the next key is kept, not what it is.
        if let Some(dash) = text.rfind('-') {
            Prefix::new(&text[..dash]);
        }
        let later = Key::text(&text);
        prop_assert_eq!(&key, &later);
        prop_assert_eq!(&later, &key);
        prop_assert_eq!(hash(&key), hash(&later));
    }

    #[test]
    fn are_equal_if_and_only_if_their_texts_are(a in texts(), b in texts()) {
        prop_assert_eq!(Key::text(&a) == Key::text(&b), a == b);
    }

    #[test]
    fn content_and_text_are_two_ways_to_one_key(name in "[a-z]{1,5}", bits in any::<u128>()) {
        let key = Key::content(Prefix::new(&name), Token::from_u128(bits));
        let text = Key::text(&key.to_string());
        prop_assert_eq!(&key, &text);
        prop_assert_eq!(hash(&key), hash(&text));
        prop_assert_eq!(&*key.group(), name);
    }

    #[test]
    fn parts_of_a_collection_differ(
        a in prop::collection::vec(any::<i64>(), 1..4),
        b in prop::collection::vec(any::<i64>(), 1..4),
    ) {
        let part = |index: &[i64]| Key::indexed(Key::text("x"), index);
        prop_assert_eq!(part(&a) == part(&b), a == b);
        let first = part(&a);
        prop_assert_eq!(first.as_indexed(), Some((&Key::text("x"), &*a)));
        prop_assert_ne!(part(&a), Key::text("x"));
        prop_assert_ne!(part(&a), Key::indexed(Key::text("y"), &*a));
    }
}

#[test]
fn unique_keys_do_not_repeat_in_any_thread() {
    let prefix = Prefix::new("unique");
    let make = move || (0..20_000).map(|_| Key::unique(prefix)).collect::<Vec<_>>();
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(make)).collect();
    let all: Set<Key> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
    assert_eq!(all.len(), 80_000);
    assert!(all.iter().all(Key::is_unique));
}
