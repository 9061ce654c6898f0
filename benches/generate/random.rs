//! `SplitMix64`: random numbers that are the same on every machine.
//!
//! Uses only arithmetic that rounds the same everywhere: no logarithms, no fractional powers.

/// The generator.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// A number below `bound`, which must not be 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from 0 up to but not including 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// Approximately normal: mean 0, standard deviation 1, always within ±6.
    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// A rank below `bound`, which must be at least 2, equally likely to fall into each octave.
    pub(super) fn rank(&mut self, bound: u64) -> u64 {
        let octaves = u64::from(bound.ilog2());
        let octave = 1 << self.below(octaves);
        (octave + self.below(octave)) - 1
    }

    /// Approximately log-normal around 1. `deviation` is the standard deviation of the binary logarithm.
    pub(super) fn scale(&mut self, deviation: f64) -> f64 {
        let logarithm = self.normal() * deviation;
        let whole = logarithm.floor();
        let power = (0..whole.abs() as u32).fold(1.0, |power, _| power * 2.0);
        let between = 1.0 + (logarithm - whole);
        if whole < 0.0 { between / power } else { between * power }
    }

    pub(super) fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len() as u64) as usize]
    }

    pub(super) fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| char::from(*self.pick(b"0123456789abcdef"))).collect()
    }

    pub(super) fn letters(&mut self, count: usize) -> String {
        let letters = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz123456789";
        (0..count).map(|_| char::from(*self.pick(letters))).collect()
    }

    pub(super) fn uuid(&mut self) -> String {
        let bits = self.next();
        let more = self.next();
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            bits >> 32,
            bits >> 16 & 0xFFFF,
            bits & 0xFFF,
            more >> 52,
            more & 0xFFFF_FFFF_FFFF
        )
    }
}
