mod request;
mod response;
mod stream;

pub use request::{decode_request, encode_request};
pub use response::{decode_response, encode_error, encode_response, glance_response};
pub use stream::{StreamReader, StreamWriter, glance_frame};
