//! Texts that have to be cut where FreshBooks keeps no more. The audit trail has them whole.

/// Characters of names, streets and tax names.
pub(super) const SHORT: usize = 255;

/// Characters of cities, provinces, postal codes and countries.
pub(super) const PLACE: usize = 100;

/// `text` if it fits, else as much as fits with an ellipsis that says so.
pub(super) fn fit(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(max - 1).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stays_and_what_does_not_says_so() {
        assert_eq!(fit("כוס קפה", 7), "כוס קפה");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("🫖🫖🫖", 2), "🫖…");
        assert_eq!(fit("ab cdef", 4), "ab…", "no space before the ellipsis");
    }
}
