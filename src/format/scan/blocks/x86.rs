//! Block masks with x86-64 vectors.

use super::{BATCH, Block, BlockState, CASE, Marks, Masks, WIDTH, parities};
use std::arch::x86_64::{
    __m128i, __m256i, __m512i, _mm_clmulepi64_si128, _mm_cmpeq_epi8, _mm_cvtsi128_si64, _mm_loadu_si128,
    _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8, _mm256_cmpeq_epi8,
    _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
    _mm512_cmpeq_epi8_mask, _mm512_cmplt_epu8_mask, _mm512_loadu_si512, _mm512_or_si512, _mm512_set1_epi8,
};

#[inline]
pub(super) fn backslashes(bytes: &[u8; 16]) -> u16 {
    #[allow(clippy::cast_ptr_alignment, reason = "the load needs no alignment")]
    let start = bytes.as_ptr().cast::<__m128i>();
    // SAFETY: the 16 bytes are one vector, the load needs no alignment, and SSE2 is part of every x86-64 processor.
    unsafe {
        let bytes = _mm_loadu_si128(start);
        _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\'.cast_signed()))).cast_unsigned() as u16
    }
}

pub(super) fn has_avx512() -> bool {
    has_avx2() && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")
}

pub(super) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("popcnt")
        && is_x86_feature_detected!("pclmulqdq")
}

#[target_feature(enable = "avx512f,avx512bw,avx2,bmi1,bmi2,popcnt,pclmulqdq")]
pub(super) fn run_avx512(bytes: &[u8], at: usize, floor: u64, state: &mut BlockState) -> Option<Block> {
    super::run(|block| masks_avx512(block), |bits| parities_clmul(bits), bytes, at, floor, state)
}

#[target_feature(enable = "avx512f,avx512bw,avx2,bmi1,bmi2,popcnt,pclmulqdq")]
pub(super) fn marks_avx512(
    bytes: &[u8],
    at: usize,
    state: &mut BlockState,
    marks: &mut [Marks; BATCH],
) -> usize {
    super::batch(|block| masks_avx512(block), |bits| parities_clmul(bits), bytes, at, state, marks)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx2,bmi1,bmi2,popcnt,pclmulqdq")]
fn masks_avx512(block: &[u8; WIDTH]) -> Masks {
    #[allow(clippy::cast_ptr_alignment, reason = "the load needs no alignment")]
    let start = block.as_ptr().cast::<__m512i>();
    // SAFETY: the block's 64 bytes are one vector, and the load needs no alignment.
    let block = unsafe { _mm512_loadu_si512(start) };
    let folded = _mm512_or_si512(block, _mm512_set1_epi8(CASE.cast_signed()));
    Masks {
        control: _mm512_cmplt_epu8_mask(block, _mm512_set1_epi8(b' '.cast_signed())),
        quote: find_avx512(block, b'"'),
        backslash: find_avx512(block, b'\\'),
        open: find_avx512(folded, b'{'),
        close: find_avx512(folded, b'}'),
        space: find_avx512(block, b' '),
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn find_avx512(block: __m512i, byte: u8) -> u64 {
    _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(byte.cast_signed()))
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,pclmulqdq")]
pub(super) fn run_avx2(bytes: &[u8], at: usize, floor: u64, state: &mut BlockState) -> Option<Block> {
    super::run(|block| masks_avx2(block), |bits| parities_clmul(bits), bytes, at, floor, state)
}

#[target_feature(enable = "sse2")]
pub(super) fn run_sse2(bytes: &[u8], at: usize, floor: u64, state: &mut BlockState) -> Option<Block> {
    super::run(|block| masks_sse2(block), parities, bytes, at, floor, state)
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,pclmulqdq")]
pub(super) fn marks_avx2(
    bytes: &[u8],
    at: usize,
    state: &mut BlockState,
    marks: &mut [Marks; BATCH],
) -> usize {
    super::batch(|block| masks_avx2(block), |bits| parities_clmul(bits), bytes, at, state, marks)
}

#[target_feature(enable = "sse2")]
pub(super) fn marks_sse2(
    bytes: &[u8],
    at: usize,
    state: &mut BlockState,
    marks: &mut [Marks; BATCH],
) -> usize {
    super::batch(|block| masks_sse2(block), parities, bytes, at, state, marks)
}

#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,pclmulqdq")]
fn masks_avx2(block: &[u8; WIDTH]) -> Masks {
    #[allow(clippy::cast_ptr_alignment, reason = "the loads need no alignment")]
    let start = block.as_ptr().cast::<__m256i>();
    // SAFETY: the block's 64 bytes are two vectors of 32, and the loads need no alignment.
    let (low, high) = unsafe { (_mm256_loadu_si256(start), _mm256_loadu_si256(start.add(1))) };
    let case = _mm256_set1_epi8(CASE.cast_signed());
    let (low_folded, high_folded) = (_mm256_or_si256(low, case), _mm256_or_si256(high, case));
    let last = _mm256_set1_epi8(0x1F);
    Masks {
        control: mask_avx2(
            _mm256_cmpeq_epi8(_mm256_min_epu8(low, last), low),
            _mm256_cmpeq_epi8(_mm256_min_epu8(high, last), high),
        ),
        quote: find_avx2(low, high, b'"'),
        backslash: find_avx2(low, high, b'\\'),
        open: find_avx2(low_folded, high_folded, b'{'),
        close: find_avx2(low_folded, high_folded, b'}'),
        space: find_avx2(low, high, b' '),
    }
}

/// Positions of `byte`. A function rather than a closure: closures called from the standard library aren't
/// compiled for these instructions unless everything is inlined.
#[inline]
#[target_feature(enable = "avx2")]
fn find_avx2(low: __m256i, high: __m256i, byte: u8) -> u64 {
    let byte = _mm256_set1_epi8(byte.cast_signed());
    mask_avx2(_mm256_cmpeq_epi8(low, byte), _mm256_cmpeq_epi8(high, byte))
}

#[inline]
#[target_feature(enable = "avx2")]
fn mask_avx2(low: __m256i, high: __m256i) -> u64 {
    let (low, high) = (_mm256_movemask_epi8(low), _mm256_movemask_epi8(high));
    u64::from(low.cast_unsigned()) | u64::from(high.cast_unsigned()) << 32
}

/// Computes parities with a carry-less multiplication by all ones.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,pclmulqdq")]
fn parities_clmul(bits: u64) -> u64 {
    let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, bits.cast_signed()), _mm_set1_epi8(-1));
    _mm_cvtsi128_si64(product).cast_unsigned()
}

#[inline]
#[target_feature(enable = "sse2")]
fn masks_sse2(block: &[u8; WIDTH]) -> Masks {
    #[allow(clippy::cast_ptr_alignment, reason = "the loads need no alignment")]
    let start = block.as_ptr().cast::<__m128i>();
    // SAFETY: the block's 64 bytes are four vectors of 16, and the loads need no alignment.
    let quarters = unsafe {
        [
            _mm_loadu_si128(start),
            _mm_loadu_si128(start.add(1)),
            _mm_loadu_si128(start.add(2)),
            _mm_loadu_si128(start.add(3)),
        ]
    };
    let [a, b, c, d] = quarters;
    let case = _mm_set1_epi8(CASE.cast_signed());
    let folded = [_mm_or_si128(a, case), _mm_or_si128(b, case), _mm_or_si128(c, case), _mm_or_si128(d, case)];
    let last = _mm_set1_epi8(0x1F);
    Masks {
        control: mask_sse2([
            _mm_cmpeq_epi8(_mm_min_epu8(a, last), a),
            _mm_cmpeq_epi8(_mm_min_epu8(b, last), b),
            _mm_cmpeq_epi8(_mm_min_epu8(c, last), c),
            _mm_cmpeq_epi8(_mm_min_epu8(d, last), d),
        ]),
        quote: find_sse2(quarters, b'"'),
        backslash: find_sse2(quarters, b'\\'),
        open: find_sse2(folded, b'{'),
        close: find_sse2(folded, b'}'),
        space: find_sse2(quarters, b' '),
    }
}

#[inline]
#[target_feature(enable = "sse2")]
fn find_sse2([a, b, c, d]: [__m128i; 4], byte: u8) -> u64 {
    let byte = _mm_set1_epi8(byte.cast_signed());
    mask_sse2([
        _mm_cmpeq_epi8(a, byte),
        _mm_cmpeq_epi8(b, byte),
        _mm_cmpeq_epi8(c, byte),
        _mm_cmpeq_epi8(d, byte),
    ])
}

#[inline]
#[target_feature(enable = "sse2")]
fn mask_sse2([a, b, c, d]: [__m128i; 4]) -> u64 {
    u64::from(_mm_movemask_epi8(a).cast_unsigned())
        | u64::from(_mm_movemask_epi8(b).cast_unsigned()) << 16
        | u64::from(_mm_movemask_epi8(c).cast_unsigned()) << 32
        | u64::from(_mm_movemask_epi8(d).cast_unsigned()) << 48
}
