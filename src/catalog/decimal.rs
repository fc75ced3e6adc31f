//! Decimals as integers: no float ever touches money.

/// `text` times ten to the `places`, if that is whole and fits: `scaled("1.5", 3)` is 1500.
pub(super) fn scaled(text: &str, places: u32) -> Option<u128> {
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
