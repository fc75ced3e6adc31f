//! Forms that are edited while they pass: JavaScript shows each piece and sends on what comes back.

use std::cell::RefCell;
use std::collections::BTreeMap;

use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;

use super::task;
use crate::wire::multipart::Editor;

thread_local! {
    static FORMS: RefCell<BTreeMap<u32, Box<Editor>>> = const { RefCell::new(BTreeMap::new()) };
}

/// The number by which JavaScript shows the pieces of this form.
pub fn keep(editor: Box<Editor>) -> u32 {
    let number = task::number();
    FORMS.with_borrow_mut(|forms| forms.insert(number, editor));
    number
}

/// What to send on for a piece of a form; without a piece it is over. Fails with why it cannot be sent on.
#[wasm_bindgen]
pub fn edit(form: u32, piece: Option<Vec<u8>>) -> Result<Uint8Array, JsValue> {
    let mut out = Vec::new();
    let edited = FORMS.with_borrow_mut(|forms| match &piece {
        Some(piece) => forms.get_mut(&form).map_or(Ok(()), |editor| editor.push(piece, &mut out)),
        None => forms.remove(&form).map_or(Ok(()), |editor| editor.finish()),
    });
    edited.map(|()| Uint8Array::from(out.as_slice())).map_err(|error| JsValue::from_str(&error.message))
}

/// The form is not shown any more.
#[wasm_bindgen]
pub fn forget(form: u32) {
    FORMS.with_borrow_mut(|forms| forms.remove(&form));
}
