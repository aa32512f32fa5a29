//! Chance from a seed: the same seed gives the same case, on any machine. Features can be forbidden, to find the smallest failing case.

use super::features::Feature;

const _: () = assert!(Feature::ALL.len() <= 128, "a set of features is 128 bits");

/// A set of features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Features(u128);

impl Features {
    pub(super) fn has(self, feature: Feature) -> bool {
        self.0 & (1 << feature as u32) != 0
    }

    #[must_use]
    pub(super) fn with(self, feature: Feature) -> Self {
        Self(self.0 | (1 << feature as u32))
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.iter().copied().filter(move |feature| self.has(*feature))
    }
}

/// Makes every decision of one case, and remembers which features came up.
#[derive(Debug)]
pub(super) struct Dice {
    state: u64,
    pub(super) seen: Features,
    without: Features,
}

impl Dice {
    pub(super) fn new(seed: u64, without: Features) -> Self {
        Self { state: seed, seen: Features::default(), without }
    }

    /// SplitMix64: good enough for tests, and the same for ever.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Both ends included; `low` where the range is empty.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high - low).map_or(1, |width| width + 1);
        low + i64::try_from(self.below(width)).unwrap()
    }

    pub(super) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }

    /// By the feature's own chance.
    pub(super) fn has(&mut self, feature: Feature) -> bool {
        // Rolled even when forbidden: the rest of the case stays as it was.
        let rolled = self.below(10_000) < feature.chance();
        rolled && self.note(feature)
    }

    /// One of several, by their weights; `None` where all are forbidden.
    pub(super) fn pick(&mut self, all: &[Feature]) -> Option<Feature> {
        let weight = all.iter().map(|feature| feature.chance()).sum();
        let mut rolled = self.below(weight);
        let picked = all.iter().copied().find(|feature| {
            let found = rolled < feature.chance();
            rolled = rolled.saturating_sub(feature.chance());
            found
        });
        picked.filter(|feature| self.note(*feature))
    }

    /// It came about, unless it is forbidden.
    pub(super) fn note(&mut self, feature: Feature) -> bool {
        let allowed = !self.without.has(feature);
        if allowed {
            self.seen = self.seen.with(feature);
        }
        allowed
    }
}
