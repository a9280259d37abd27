//! stub
use crate::{Export, Exported};
use estiba_model::Message;
/// stub
pub fn kubernetes(_: &Export) -> Result<Exported, Vec<Message>> {
    Ok(Exported::default())
}
