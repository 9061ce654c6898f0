use super::*;

#[test]
fn sizes_are_decimal() {
    for (bytes, expected) in [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (2048, "2.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (3_200_000_000, "3.2 GB"),
    ] {
        assert_eq!(size(bytes), expected);
    }
}
