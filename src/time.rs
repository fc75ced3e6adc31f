//! Points in time as people write them: RFC 3339, in UTC.

const DAY_MS: u64 = 86_400_000;

/// `2026-11-21T10:00:00Z`, of seconds since 1970.
pub fn rfc3339(seconds: u64) -> String {
    let ((year, month, day), rest) = (civil(seconds / 86_400), seconds % 86_400);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// Milliseconds since 1970 of what is written as RFC 3339, with any offset, or as a date alone.
pub fn parse_ms(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, "00:00:00Z"));
    let mut parts = date.split('-');
    let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() || !(1..=12).contains(&month) || year < 1970 {
        return None;
    }
    let days = days_before(year, month).checked_add(day.checked_sub(1)?)?;
    if civil(days) != (year, month, day) {
        return None;
    }
    let offset_at = time.rfind(['Z', 'z', '+', '-'])?;
    let (clock, offset) = time.split_at_checked(offset_at)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.split(':');
    let (hour, minute, second) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let millis: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let local = days * DAY_MS + (hour * 3_600 + minute * 60 + second) * 1_000 + millis;
    let ahead = |text: &str| {
        let (hours, minutes) = text.split_once(':')?;
        Some((digits(hours, 2)? * 60 + digits(minutes, 2)?) * 60_000)
    };
    match offset.split_at_checked(1)? {
        ("+", text) => local.checked_sub(ahead(text)?),
        ("-", text) => local.checked_add(ahead(text)?),
        (_, rest) => rest.is_empty().then_some(local),
    }
}

fn digits(text: &str, count: usize) -> Option<u64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// The year, month and day of so many days after 1970.
pub fn civil(days: u64) -> (u64, u64, u64) {
    // Howard Hinnant's civil calendar from days.
    let shifted = days.saturating_add(719_468);
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// The days after 1970 before a month of a year begins.
pub fn days_before(year: u64, month: u64) -> u64 {
    let (year, month_index) = if month > 2 { (year, month - 3) } else { (year.saturating_sub(1), month + 9) };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * month_index + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).saturating_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for seconds in [0, 59, 951_782_399, 951_782_400, 1_709_164_800, 1_795_255_200, 4_102_444_799] {
            assert_eq!(parse_ms(&rfc3339(seconds)), Some(seconds * 1_000), "{}", rfc3339(seconds));
        }
        assert_eq!(rfc3339(1_795_255_200), "2026-11-21T10:00:00Z");
    }

    #[test]
    fn every_way_to_write_a_time_is_read_and_nothing_else() {
        let ten = Some(1_795_255_200_000);
        for (text, expected) in [
            ("2026-11-21T10:00:00Z", ten),
            ("2026-11-21T12:00:00+02:00", ten),
            ("2026-11-21t09:30:00-00:30", ten),
            ("2026-11-21 10:00:00.5z", Some(1_795_255_200_500)),
            ("2026-11-21T10:00:00.123456Z", Some(1_795_255_200_123)),
            ("2026-11-21", Some(1_795_219_200_000)),
            ("2026-02-30T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-11-21T24:00:00Z", None),
            ("2026-11-21T10:00:00", None),
            ("1969-12-31T00:00:00Z", None),
            ("2026-11-21T10:00Z", None),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(parse_ms(text), expected, "{text}");
        }
    }
}
