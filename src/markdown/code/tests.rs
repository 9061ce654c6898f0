use super::*;

#[test]
fn nothing_closes_a_fence_that_we_write() {
    let mut out = String::new();
    fence("c++", "a ```` b\n``\n\n", &mut out);
    assert_eq!(out, "`````c++\na ```` b\n``\n`````");
    out.clear();
    fence("", "", &mut out);
    assert_eq!(out, "```\n```");
}
