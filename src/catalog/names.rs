//! The other names of a model: what callers write and price lists do not.

/// Where a Bedrock profile routes to.
const REGIONS: &[&str] = &["us", "eu", "apac", "global", "us-gov", "jp", "au", "ca", "in", "sa"];

/// No list knows a longer name; a caller may write one in which there is no end of versions.
const LONGEST: usize = 512;

/// The name, then with less and less of what only says which version, region or place of it.
pub(super) fn shorter(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name).filter(|name| name.len() <= LONGEST), |name| {
        let bare = name.strip_prefix("models/").or_else(|| without_region(name)).or_else(|| without_version(name));
        bare.filter(|bare| !bare.is_empty())
    })
}

fn without_region(name: &str) -> Option<&str> {
    let (region, rest) = name.split_once('.')?;
    (REGIONS.contains(&region) && rest.contains('.')).then_some(rest)
}

fn without_version(name: &str) -> Option<&str> {
    if let Some((bare, _)) = name.split_once('@').filter(|(bare, _)| !bare.is_empty()) {
        return Some(bare);
    }
    name.strip_suffix("-latest").or_else(|| without_date(name)).or_else(|| without_revision(name))
}

/// Bedrock's `-v1:0`.
pub(super) fn without_revision(name: &str) -> Option<&str> {
    let (bare, revision) = name.rsplit_once("-v")?;
    let (major, minor) = revision.split_once(':')?;
    (digits(major) && digits(minor)).then_some(bare)
}

/// `-20241022`, `-2024-10-22`, `-2411`, `-0613`, `-001`.
pub(super) fn without_date(name: &str) -> Option<&str> {
    let (bare, last) = name.rsplit_once('-')?;
    if !digits(last) {
        return None;
    }
    if last.len() == 2
        && let Some((bare, month)) = bare.rsplit_once('-')
        && let Some((bare, year)) = bare.rsplit_once('-')
    {
        return (digits(month) && month.len() == 2 && digits(year) && year.len() == 4).then_some(bare);
    }
    matches!(last.len(), 3 | 4 | 6 | 8).then_some(bare)
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A fine-tuned model `ft:gpt-4o-2024-08-06:org::id` as the name its price goes by, `ft:gpt-4o-2024-08-06`, and the
/// model that it was made from.
pub(super) fn fine_tuned(name: &str) -> Option<(&str, &str)> {
    let base = name.strip_prefix("ft:")?.split(':').next().filter(|base| !base.is_empty())?;
    Some((name.get(.."ft:".len().saturating_add(base.len()))?, base))
}
