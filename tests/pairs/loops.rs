//! A tool loop through every pair, whole and streamed: the provider asks for calls in parallel, for one more, and then
//! answers. It must see each time all that was said, each result tied to its call, and its own proofs where they were.

use causeway::ir::{Losses, Part, Response, Role, Turn};
use causeway::wire::{Abilities, Dialect};

use super::answers::{Answer, echo, translated};
use super::clients::Client;
use super::facts::{Facts, compact, say, unmarked, values};
use super::losses::{Course, Ledger, Way};
use super::{CALLERS, PROVIDERS, readers};

/// What the provider answers, in order.
const ANSWERS: [&str; 3] = ["parallel", "another", "thinking"];

/// A model that wants all back that it said.
fn able() -> Abilities {
    Abilities { replay_thinking: true, replay_proofs: true, ..Abilities::default() }
}

#[test]
fn a_tool_loop_survives_every_pair_whole_and_streamed_but_for_the_losses_that_are_listed() {
    let mut ledger = Ledger::of(Course::Loop);
    for (caller, provider) in CALLERS.iter().flat_map(|caller| PROVIDERS.iter().map(move |provider| (*caller, *provider))) {
        for how in ["whole", "streamed"] {
            let way = Way { course: Course::Loop, caller: Some(caller), provider: Some(provider), case: "" };
            go_round(way, how, &mut ledger);
        }
    }
    ledger.close();
}

fn go_round(way: Way<'_>, how: &str, ledger: &mut Ledger) {
    let provider = way.provider.unwrap();
    let mut client = Client::asking(way.caller.unwrap(), "Weather and time?");
    let mut said = vec![turn(Role::User, vec![Part::text("Weather and time?")])];
    for (number, case) in ANSWERS.iter().enumerate() {
        if !arrives(Way { case: &format!("turn_{} {how}", number + 1), ..way }, &client, &said, ledger) {
            return;
        }
        let (read, given) = heard(&mut client, provider, how, case);
        said.extend(turns(read, &given));
    }
    client.say("Thanks.");
    said.push(turn(Role::User, vec![Part::text("Thanks.")]));
    arrives(Way { case: &format!("turn_4 {how}"), ..way }, &client, &said, ledger);
}

/// Anthropic's proofs come from all of these, and are good for all of them.
const KIN: [Dialect; 3] = [Dialect::Chat, Dialect::Messages, Dialect::Converse];

#[test]
fn a_loop_may_go_on_with_another_provider_which_sees_the_calls_but_no_foreign_proof() {
    let providers = || PROVIDERS.into_iter().filter(|provider| *provider != Dialect::Predictions);
    for (caller, from, to) in
        CALLERS.iter().flat_map(|caller| providers().flat_map(move |from| providers().map(move |to| (*caller, from, to))))
    {
        for how in ["whole", "streamed"] {
            let mut client = Client::asking(caller, "Weather and time?");
            let (read, given) = heard(&mut client, from, how, "parallel");
            let said = [vec![turn(Role::User, vec![Part::text("Weather and time?")])], turns(read, &given)].concat();
            let request = (caller.inbound().decode_request)(&serde_json::to_vec(&client.body).unwrap(), &mut Losses::default()).unwrap();
            let sent = super::encode(caller, to, request, &able(), &mut Losses::default()).unwrap();
            let (told, seen) = (facts(&said), facts(&readers::read(to, &sent).turns));
            let way = format!("{} <-> {}, then {} {how}", caller.slug(), from.slug(), to.slug());
            assert_eq!(values(&seen, "said"), values(&told, "said"), "{way}");
            let good = from == to || KIN.contains(&from) && KIN.contains(&to);
            assert_eq!(values(&seen, "proofs"), if good { values(&told, "proofs") } else { Vec::new() }, "{way}");
        }
    }
}

/// Keeps the provider's answer and gives results, each a text, for the calls in it.
fn heard(client: &mut Client, provider: Dialect, how: &str, case: &str) -> (Response, Vec<String>) {
    let (caller, answer) = (client.dialect, answer(provider, case));
    let read = (provider.outbound().decode_response)(&answer.whole).unwrap();
    let calls = match how {
        "whole" => client.hear(&(caller.inbound().encode_response)(&read, &echo())),
        _ => client.listen(&translated(provider, caller, &answer.stream, 7)),
    };
    let results: Vec<_> = calls.iter().enumerate().map(|(at, call)| (call, format!("What {} gave, {at} of {case}.", call.name))).collect();
    // In any order: they are tied to their calls.
    let backwards: Vec<_> = results.iter().rev().cloned().collect();
    if !backwards.is_empty() {
        client.answer(&backwards);
    }
    (read, results.into_iter().map(|(_, text)| text).collect())
}

fn answer(provider: Dialect, case: &str) -> &'static Answer {
    let told = super::answers::ANSWERS.iter().find(|answer| answer.provider == provider && answer.case == case);
    told.unwrap_or_else(|| panic!("{} has no {case}", provider.slug()))
}

/// Whether the provider gets it; what it gets is compared with what was said.
fn arrives(way: Way<'_>, client: &Client, said: &[Turn], ledger: &mut Ledger) -> bool {
    let (caller, provider) = (way.caller.unwrap(), way.provider.unwrap());
    let body = serde_json::to_vec(&client.body).unwrap();
    let request = (caller.inbound().decode_request)(&body, &mut Losses::default());
    let request = request.unwrap_or_else(|error| panic!("{way}: {}\n{}", error.message, client.body));
    let sent = super::encode(caller, provider, request, &able(), &mut Losses::default());
    let refused = ledger.refusal(way, sent.as_ref().err().map(|error| error.message.as_str()));
    let Ok(sent) = sent else { return false };
    ledger.compare(way, &facts(said), &facts(&readers::read(provider, &sent).turns), &Losses::default());
    !refused
}

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, parts, name: None }
}

/// The answer as a turn of the conversation, and its results, each a text.
fn turns(answer: Response, given: &[String]) -> Vec<Turn> {
    let ids = answer.parts.iter().filter_map(|part| if let Part::ToolCall(call) = part { Some(call.id.clone()) } else { None });
    let result = |(call_id, text): (String, &String)| {
        Part::ToolResult(causeway::ir::ToolResult { call_id, parts: vec![Part::text(text)], is_error: false, cache: None })
    };
    let results: Vec<Part> = ids.zip(given).map(result).collect();
    let said = turn(Role::Assistant, answer.parts);
    if results.is_empty() { vec![said] } else { vec![said, turn(Role::User, results)] }
}

fn facts(turns: &[Turn]) -> Facts {
    let mut facts = Facts::new();
    let mut ids: Vec<&str> = Vec::new();
    let mut steps: Vec<(usize, String)> = Vec::new();
    let parts: Vec<(&Turn, &Part)> = turns.iter().flat_map(|turn| turn.parts.iter().map(move |part| (turn, part))).collect();
    for (place, (turn, part)) in parts.iter().enumerate() {
        let who = if turn.role == Role::Assistant { "assistant" } else { "user" };
        match part {
            Part::Text(text) if text.text.is_empty() => {}
            // A client may keep what it heard in the pieces that it came in.
            Part::Text(text) if place > 0 && matches!(parts[place - 1], (before, Part::Text(_)) if before.role == turn.role) => {
                steps.last_mut().unwrap().1.push_str(&text.text);
            }
            Part::Text(text) => steps.push((0, format!("{who}: {}", text.text))),
            Part::ToolCall(call) => {
                ids.push(&call.id);
                let arguments = if call.arguments.is_empty() { "{}".to_owned() } else { compact(&call.arguments) };
                steps.push((0, format!("{who}: call {} {} {arguments}", ids.len(), call.name)));
            }
            Part::ToolResult(result) => {
                let number = ids.iter().rposition(|id| *id == result.call_id).map_or(0, |place| place + 1);
                let text = result.parts.iter().map(|part| if let Part::Text(text) = part { text.text.as_str() } else { "?" });
                steps.push((number, format!("{who}: result of {number}: {}", text.collect::<String>())));
            }
            Part::Thinking(thinking) => {
                if !thinking.text.is_empty() {
                    say(&mut facts, "thinking", &thinking.text);
                }
                if let Some(proof) = &thinking.signature {
                    say(&mut facts, "proofs", format!("{} {}", unmarked(proof), position(&parts, place, ids.len())));
                }
            }
            other => steps.push((0, format!("{who}: {}", other.noun()))),
        }
    }
    // Results have no order of their own.
    steps.chunk_by_mut(|(one, _), (other, _)| *one > 0 && *other > 0).for_each(<[_]>::sort);
    steps.iter().for_each(|(_, step)| say(&mut facts, "said", step));
    ids.iter().for_each(|id| say(&mut facts, "ids", id));
    facts
}

/// Where a proof stands: before which call, or with what text.
fn position(parts: &[(&Turn, &Part)], place: usize, calls: usize) -> String {
    let near = parts[place..].iter().map(|(_, part)| part).find(|part| !is_silent(part));
    match near {
        Some(Part::ToolCall(call)) => format!("before call {} {}", calls + 1, call.name),
        Some(Part::Text(_)) => "with the text".to_owned(),
        _ => "at the end".to_owned(),
    }
}

fn is_silent(part: &Part) -> bool {
    matches!(part, Part::Thinking(_)) || matches!(part, Part::Text(text) if text.text.is_empty())
}
