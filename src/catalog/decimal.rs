//! Decimals as integers: no float ever touches money.

/// `text` times ten to the `places`, if that is whole and fits: `scaled("1.5", 3)` is 1500.
pub(super) fn scaled(text: &str, places: u32) -> Option<u128> {
    plain(text, places).or_else(|| any(text, places))
}

/// A decimal as price lists have them: short, so that 64 bits hold it, and several times as fast.
fn plain(text: &str, places: u32) -> Option<u128> {
    let (mut value, mut point, mut places) = (0_u64, false, places);
    if text.len() > MOST_DIGITS {
        return None;
    }
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => {
                value = value * 10 + u64::from(byte - b'0');
                places = places.checked_sub(point.into())?;
            }
            b'.' if !point => point = true,
            _ => return None,
        }
    }
    let some = text.len() > usize::from(point);
    some.then_some(u128::from(value) * u128::from(10_u64.checked_pow(places)?))
}

/// As many always fit into 64 bits.
const MOST_DIGITS: usize = 19;

fn any(text: &str, places: u32) -> Option<u128> {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok().filter(|exponent| exponent.unsigned_abs() < 64)?),
        None => (text, 0),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let part = part.trim_end_matches('0');
    let mut value: u128 = 0;
    for byte in whole.bytes().chain(part.bytes()) {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value = value.checked_mul(10)?.checked_add(u128::from(digit))?;
    }
    let shift = i32::try_from(places).ok()?.checked_add(exponent)?.checked_sub(i32::try_from(part.len()).ok()?)?;
    shifted(value, shift)
}

fn shifted(value: u128, places: i32) -> Option<u128> {
    if value == 0 {
        return Some(0);
    }
    let factor = 10_u128.checked_pow(places.unsigned_abs())?;
    if places >= 0 {
        return value.checked_mul(factor);
    }
    value.is_multiple_of(factor).then_some(value / factor)
}
