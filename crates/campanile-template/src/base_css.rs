//! The CSS that blocks need, put in front of everything in the head (templates.md T7.8, T7.9).

/// The normative rules. Sizes of `md` and `lg` are ours (S22).
pub(crate) const BASE_CSS: &str = "\
.block-row.block-row--button_set-v1 .block-button{display:inline-block;box-sizing:border-box;text-decoration:none;-webkit-text-size-adjust:none}\
.block-row.block-row--button_set-v1 .block-button.block-button--outline{border-style:solid}\
.block-row.block-row--button_set-v1 .block-button.block-button--sm{font-size:14px;line-height:20px;min-width:32px;padding-top:4px;padding-right:8px;padding-bottom:4px;padding-left:8px}\
.block-row.block-row--button_set-v1 .block-button.block-button--md{font-size:16px;line-height:24px;min-width:40px;padding-top:8px;padding-right:16px;padding-bottom:8px;padding-left:16px}\
.block-row.block-row--button_set-v1 .block-button.block-button--lg{font-size:18px;line-height:28px;min-width:48px;padding-top:12px;padding-right:24px;padding-bottom:12px;padding-left:24px}\
.block-row.block-row--divider-v1 .block-divider{border-bottom:1px solid #dddee1}\
.block-row.block-row--markdown-v1 .block-markdown>:first-child{margin-top:0}\
.block-row.block-row--markdown-v1 .block-markdown>:last-child{margin-bottom:0}\
.block-row.block-row--image-v1 .block-image img{width:100%}";
