//! What an answer means, as facts that can be compared.

use causeway::ir::{Part, Reason, Response, Usage};

use super::facts::{Facts, compact, say, unmarked};

pub fn of(response: &Response) -> Facts {
    let mut facts = Facts::new();
    let mut calls = 0;
    let mut order: Vec<&str> = Vec::new();
    for part in &response.parts {
        match part {
            Part::Text(text) => say(&mut facts, "said", format!("text: {}", text.text)),
            Part::Refusal(text) => say(&mut facts, "said", format!("refusal: {text}")),
            Part::ToolCall(call) => {
                calls += 1;
                let arguments = if call.arguments.trim().is_empty() { "{}".to_owned() } else { compact(&call.arguments) };
                say(&mut facts, "said", format!("call {calls} {} {arguments}", call.name));
                if !call.id.is_empty() {
                    say(&mut facts, "ids", &call.id);
                }
            }
            Part::Thinking(thinking) => {
                if !thinking.text.is_empty() {
                    say(&mut facts, "thinking", &thinking.text);
                }
                let proofs = [("signature", "proof", &thinking.signature), ("redacted", "sealed", &thinking.redacted)];
                for (name, whole, proof) in proofs.iter().filter_map(|(name, whole, proof)| Some((name, whole, proof.as_ref()?))) {
                    say(&mut facts, name, unmarked(proof));
                    say(&mut facts, whole, proof);
                }
                if thinking.text.is_empty() && thinking.redacted.is_none() {
                    continue;
                }
            }
            other => say(&mut facts, "said", other.noun()),
        }
        let noun = noun(part);
        if order.last() != Some(&noun) {
            order.push(noun);
        }
    }
    say(&mut facts, "order", order.join(" "));
    ending(response, &mut facts);
    facts
}

fn noun(part: &Part) -> &str {
    match part {
        Part::ToolCall(_) => "call",
        Part::Thinking(thinking) if thinking.redacted.is_some() => "redacted",
        part => part.noun(),
    }
}

fn ending(response: &Response, facts: &mut Facts) {
    let reason = match response.finish.reason {
        Reason::Stop => "stop",
        Reason::Length => "length",
        Reason::ToolCalls => "toolcalls",
        Reason::Filtered => "filtered",
        Reason::Refusal => "refusal",
        Reason::Pause => "pause",
    };
    say(facts, "finish", reason);
    response.finish.stop_sequence.iter().for_each(|stop| say(facts, "stop_sequence", stop));
    let Some(usage) = &response.usage else { return };
    let Usage { input, output, cache_read, cache_write, cache_write_1h, reasoning, .. } = *usage;
    let counts = [
        ("input_tokens", Some(input)),
        ("output_tokens", Some(output)),
        ("cache_read_tokens", cache_read),
        ("cache_write_tokens", cache_write),
        ("cache_write_1h_tokens", cache_write_1h),
        ("reasoning_tokens", reasoning),
    ];
    // Where a dialect must tell a number, none is told as nought.
    let told = counts.iter().filter_map(|(name, count)| Some((name, count.filter(|count| *count > 0)?)));
    told.for_each(|(name, count)| say(facts, name, count));
}
