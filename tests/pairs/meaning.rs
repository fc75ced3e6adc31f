//! What a request means, as facts that can be compared: a key, and its values in their order.

use causeway::ir::{Effort, Format, Media, Part, Reasoning, Request, Role, Source, Tool, ToolChoice};

use super::facts::{Facts, OWN, compact, say};

pub fn of(request: &Request) -> Facts {
    let mut facts = Facts::new();
    conversation(request, &mut facts);
    tools(request, &mut facts);
    knobs(request, &mut facts);
    facts
}

fn conversation(request: &Request, facts: &mut Facts) {
    let mut system: Vec<&str> = Vec::new();
    let mut ids: Vec<&str> = Vec::new();
    for turn in &request.turns {
        if let Some(name) = &turn.name {
            say(facts, "name", name);
        }
        if matches!(turn.role, Role::System | Role::Developer) {
            system.extend(turn.parts.iter().map(|part| if let Part::Text(text) = part { text.text.as_str() } else { "?" }));
            continue;
        }
        let who = if turn.role == Role::Assistant { "assistant" } else { "user" };
        for part in &turn.parts {
            if let Part::ToolCall(call) = part {
                ids.push(&call.id);
            }
            piece(who, part, &ids, facts);
        }
    }
    if !system.is_empty() {
        say(facts, "system", system.join("\n\n"));
    }
    ids.iter().for_each(|id| say(facts, "ids", id));
}

fn piece(who: &str, part: &Part, ids: &[&str], facts: &mut Facts) {
    match part {
        Part::Text(text) => {
            if text.cache.is_some() {
                say(facts, "cache", &text.text);
            }
            say(facts, "said", format!("{who}: {}", text.text));
        }
        Part::Refusal(text) => say(facts, "said", format!("{who}: refuses {text}")),
        Part::Media(media) => {
            say(facts, "said", format!("{who}: {}", part.noun()));
            tell_media(media, facts);
        }
        Part::Thinking(thinking) => {
            say(facts, "thinking", format!("{}|{:?}|{:?}", thinking.text, thinking.signature, thinking.redacted));
        }
        Part::ToolCall(call) => {
            let arguments = if call.arguments.is_empty() { "{}".to_owned() } else { compact(&call.arguments) };
            say(facts, "said", format!("{who}: call {} {} {arguments}", ids.len(), call.name));
        }
        Part::ToolResult(result) => {
            let number = ids.iter().rposition(|id| *id == result.call_id).map_or(0, |place| place + 1);
            let text = |part: &Part| if let Part::Text(text) = part { text.text.clone() } else { format!("[{}]", part.noun()) };
            let told = result.parts.iter().map(text).collect::<Vec<_>>().join("\n");
            let told = if told.starts_with(['{', '[']) { compact(&told) } else { told };
            let words = told.strip_prefix("Error: ").unwrap_or(&told);
            say(facts, "said", format!("{who}: result of {number}: {words}"));
            if result.is_error || words.len() < told.len() {
                say(facts, "failed", number);
            }
            result.parts.iter().for_each(|part| {
                if let Part::Media(media) = part {
                    tell_media(media, facts);
                }
            });
        }
        Part::Native(native) => say(facts, "said", format!("{who}: {}", compact(native.raw.get()))),
    }
}

fn tell_media(media: &Media, facts: &mut Facts) {
    let source = match &media.source {
        Source::Inline { media_type, data } => format!("{media_type} {data}"),
        Source::Url(url) => url.clone(),
        Source::File(id) => format!("file {id}"),
        Source::Text(text) => format!("text {text}"),
    };
    say(facts, "media", format!("{:?} {source}", media.kind));
    media.name.iter().for_each(|name| say(facts, "file_name", name));
    media.detail.iter().filter(|detail| *detail != "auto").for_each(|detail| say(facts, "detail", detail));
}

fn tools(request: &Request, facts: &mut Facts) {
    for tool in &request.tools {
        match tool {
            Tool::Function { name, description, parameters, strict, .. } => {
                let schema = parameters.as_ref().map(|schema| compact(schema.get())).unwrap_or_default();
                say(facts, "tools", format!("{name} | {} | {schema}", description.as_deref().unwrap_or_default()));
                if *strict == Some(true) {
                    say(facts, "strict", name);
                }
            }
            Tool::Native { raw, .. } => say(facts, "tools", compact(raw.get())),
        }
    }
    if let Some(choice) = &request.tool_choice {
        match choice {
            ToolChoice::Function(name) => say(facts, "tool_choice", format!("function {name}")),
            choice => say(facts, "tool_choice", format!("{choice:?}").to_lowercase()),
        }
    }
    // That calls may be parallel goes without saying.
    request.parallel_tools.iter().filter(|parallel| !**parallel).for_each(|parallel| say(facts, "parallel_tool_calls", parallel));
}

fn knobs(request: &Request, facts: &mut Facts) {
    let numbers = [
        ("max_tokens", request.max_tokens.map(|bound| bound.to_string())),
        ("temperature", request.temperature.map(|number| number.to_string())),
        ("top_p", request.top_p.map(|number| number.to_string())),
        ("top_k", request.top_k.map(|number| number.to_string())),
        ("frequency_penalty", request.frequency_penalty.map(|number| number.to_string())),
        ("presence_penalty", request.presence_penalty.map(|number| number.to_string())),
        ("seed", request.seed.map(|number| number.to_string())),
        ("user", request.user.clone()),
    ];
    numbers.iter().for_each(|(name, given)| given.iter().for_each(|value| say(facts, name, value)));
    request.stop.iter().for_each(|stop| say(facts, "stop", stop));
    match &request.format {
        Format::Text => {}
        Format::JsonObject => say(facts, "format", "json"),
        Format::JsonSchema { name, schema, strict, .. } => {
            say(facts, "format", compact(schema.get()));
            name.iter().for_each(|name| say(facts, "format_name", name));
            strict.iter().filter(|strict| **strict).for_each(|strict| say(facts, "format_strict", strict));
        }
    }
    if let Some(Reasoning { effort, budget }) = request.reasoning {
        let effort = effort.or(budget.map(Effort::of_budget));
        say(facts, "effort", effort.map_or("any", Effort::word));
        budget.iter().for_each(|budget| say(facts, "budget", budget));
    }
    for (name, raw) in &request.extras {
        match name.as_str() {
            // One knob, by the names of two dialects.
            "verbosity" | "text.verbosity" => say(facts, "verbosity", raw.get().trim_matches('"')),
            name => say(facts, &format!("{OWN}{name}"), compact(raw.get())),
        }
    }
}
