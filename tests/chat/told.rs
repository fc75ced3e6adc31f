//! An answer as plain lines, so that a fixture can say what is to be read from it.

use super::*;

pub fn told(outcome: &Result<Response, Error>) -> String {
    match outcome {
        Ok(response) => whole(response),
        Err(error) => format!("error {} {:?}: {}\n", error.status, error.kind, error.message),
    }
}

fn whole(response: &Response) -> String {
    let created = response.created.map(|at| format!(" at {at}")).unwrap_or_default();
    let mut lines = vec![format!("{} of {}{created}", or_none(&response.id), or_none(&response.model))];
    for part in &response.parts {
        lines.push(line(part));
        if let Part::Text(text) = part {
            lines.extend(text.citations.iter().map(cited));
        }
    }
    let finish = &response.finish;
    lines.push(format!("finish {:?} ({})", finish.reason, finish.raw.as_deref().unwrap_or("-")));
    lines.push(response.usage.as_ref().map_or("usage unknown".to_owned(), counted));
    // What is beside the dialect has tests of its own.
    let known = response.extras.iter().filter(|(name, _)| !name.starts_with("chat/"));
    lines.extend(known.map(|(name, raw)| format!("{name} {raw}")));
    lines.join("\n") + "\n"
}

fn or_none(word: &str) -> &str {
    if word.is_empty() { "-" } else { word }
}

fn line(part: &Part) -> String {
    match part {
        Part::Text(text) => format!("text {:?}", text.text),
        Part::Thinking(thinking) => match (&thinking.signature, &thinking.redacted) {
            (_, Some(data)) => format!("thinking sealed {data}"),
            (Some(signature), None) => format!("thinking {:?} signed {signature}", thinking.text),
            (None, None) => format!("thinking {:?}", thinking.text),
        },
        Part::ToolCall(call) => format!("call {} {} {}", or_none(&call.id), or_none(&call.name), or_none(&call.arguments)),
        Part::Media(media) => format!("{} {:?}", part.noun(), media.source),
        Part::Refusal(words) => format!("refusal {words:?}"),
        other => format!("{} {other:?}", other.noun()),
    }
}

fn cited(citation: &Citation) -> String {
    let range = citation.range.map(|(start, end)| format!(" for {start}-{end}")).unwrap_or_default();
    let title = citation.title.as_ref().map(|title| format!(" {title:?}")).unwrap_or_default();
    let quote = citation.quote.as_ref().map(|quote| format!(" saying {quote:?}")).unwrap_or_default();
    format!("  cites {}{title}{range}{quote}", citation.url.as_deref().unwrap_or("-"))
}

fn counted(usage: &Usage) -> String {
    let details = [
        ("read", usage.cache_read),
        ("written", usage.cache_write),
        ("thought", usage.reasoning),
        ("heard", usage.input_audio),
        ("sounded", usage.output_audio),
    ];
    let details = details.iter().filter_map(|(name, count)| count.map(|count| format!(" {name} {count}")));
    format!("usage in {} out {}{}", usage.input, usage.output, details.collect::<String>())
}
