//! Block masks with aarch64 vectors.

use super::{BATCH, Block, BlockState, CASE, Marks, Masks, WIDTH, parities};
use std::arch::aarch64::{
    uint8x16_t, vandq_u8, vceqq_u8, vcltq_u8, vdupq_n_u8, vgetq_lane_u64, vld1q_u8, vorrq_u8, vpaddq_u8,
    vreinterpretq_u64_u8,
};

/// The bit for each byte in half of a vector.
const BITS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];

#[target_feature(enable = "neon")]
pub(super) fn run_neon(bytes: &[u8], at: usize, floor: u64, state: &mut BlockState) -> Option<Block> {
    super::run(|block| masks(block), parities, bytes, at, floor, state)
}

#[target_feature(enable = "neon")]
pub(super) fn marks_neon(
    bytes: &[u8],
    at: usize,
    state: &mut BlockState,
    marks: &mut [Marks; BATCH],
) -> usize {
    super::batch(|block| masks(block), parities, bytes, at, state, marks)
}

#[inline]
#[target_feature(enable = "neon")]
fn masks(block: &[u8; WIDTH]) -> Masks {
    let start = block.as_ptr();
    // SAFETY: the block's 64 bytes are four vectors of 16.
    let quarters = unsafe {
        [vld1q_u8(start), vld1q_u8(start.add(16)), vld1q_u8(start.add(32)), vld1q_u8(start.add(48))]
    };
    let [a, b, c, d] = quarters;
    let case = vdupq_n_u8(CASE);
    let folded = [vorrq_u8(a, case), vorrq_u8(b, case), vorrq_u8(c, case), vorrq_u8(d, case)];
    let blank = vdupq_n_u8(b' ');
    Masks {
        control: gather([vcltq_u8(a, blank), vcltq_u8(b, blank), vcltq_u8(c, blank), vcltq_u8(d, blank)]),
        quote: find(quarters, b'"'),
        backslash: find(quarters, b'\\'),
        open: find(folded, b'{'),
        close: find(folded, b'}'),
        space: find(quarters, b' '),
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn find([a, b, c, d]: [uint8x16_t; 4], byte: u8) -> u64 {
    let byte = vdupq_n_u8(byte);
    gather([vceqq_u8(a, byte), vceqq_u8(b, byte), vceqq_u8(c, byte), vceqq_u8(d, byte)])
}

/// One bit per byte of four vectors whose bytes are all ones or all zeros.
#[inline]
#[target_feature(enable = "neon")]
fn gather([a, b, c, d]: [uint8x16_t; 4]) -> u64 {
    // SAFETY: `BITS` is one vector.
    let bits = unsafe { vld1q_u8(BITS.as_ptr()) };
    // Pairwise sums: three rounds turn 64 bytes with one bit each into 8 bytes.
    let low = vpaddq_u8(vandq_u8(a, bits), vandq_u8(b, bits));
    let high = vpaddq_u8(vandq_u8(c, bits), vandq_u8(d, bits));
    let sums = vpaddq_u8(low, high);
    vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)))
}
