use super::*;
use proptest::prelude::*;
use yaml_rust2::{Yaml, YamlLoader};

fn read(scalar: &str) -> Yaml {
    YamlLoader::load_from_str(&format!("key: {scalar}\n")).unwrap()[0]["key"].clone()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_scalar_reads_back_as_its_text(text in any::<String>()) {
        prop_assert_eq!(read(&scalar(&text)), Yaml::String(text));
    }

    #[test]
    fn words_that_look_like_values_stay_words(text in "[0-9a-fxo.eE_:+-]{0,12}|~|null|Yes|off|[tT]rue|-|[?!&*%@`|>]x?") {
        prop_assert_eq!(read(&scalar(&text)), Yaml::String(text));
    }
}

#[test]
fn scalars_are_quoted_only_if_they_must_be() {
    assert_eq!(scalar("gpt-4o"), "gpt-4o");
    assert_eq!(scalar("00000000-0000-4000-8000-000000001000"), "00000000-0000-4000-8000-000000001000");
    assert_eq!(scalar("null"), "\"null\"");
    assert_eq!(scalar("1e5"), "\"1e5\"");
    assert_eq!(scalar("a b"), "\"a b\"");
}
