//! The order of short lists. The library's sort is made for long ones, and each kind of element that it sorts costs the
//! Worker some 4 KB of code, which takes longer to load than such a list takes to sort.

/// Sorts a list, equals staying as they stood. For lists that are short or nearly in order, and of whose length no
/// caller decides: the time grows with the square of it.
pub fn sort<T>(list: &mut [T], is_before: impl Fn(&T, &T) -> bool) {
    for end in 1..list.len() {
        for at in (1..=end).rev() {
            match list.get(at - 1..=at) {
                Some([one, next]) if is_before(next, one) => list.swap(at - 1, at),
                _ => break,
            }
        }
    }
}

/// Moves some before the others; both stay in their order. For lists of any length.
pub fn put_first<T>(list: &mut Vec<T>, is_first: impl Fn(&T) -> bool) {
    let (first, others): (Vec<T>, Vec<T>) = std::mem::take(list).into_iter().partition(is_first);
    *list = first;
    list.extend(others);
}

#[cfg(test)]
mod tests {
    use super::{put_first, sort};

    #[test]
    fn some_are_put_before_the_others() {
        let mut list = vec![1, 2, 3, 4, 5, 6];
        put_first(&mut list, |entry| entry % 3 == 0);
        assert_eq!(list, [3, 6, 1, 2, 4, 5]);
    }

    #[test]
    fn equals_stay_as_they_stood() {
        for list in [vec![], vec![(1, 'a')], vec![(2, 'a'), (1, 'a'), (2, 'b'), (0, 'a'), (1, 'b'), (1, 'c')]] {
            let (mut ours, mut theirs) = (list.clone(), list);
            sort(&mut ours, |one, other| one.0 < other.0);
            theirs.sort_by_key(|entry| entry.0);
            assert_eq!(ours, theirs);
        }
    }
}
