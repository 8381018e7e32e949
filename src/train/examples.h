// Data rows as token sequences with weights: what is read and what is learned.
#pragma once

#include "data/last_digit.h"
#include "data/packing.h"
#include "engine/chat.h"

namespace r1 {

/// Document of the built-in corpus: only the completion carries loss.
TokenSequence document_example(const Tokenizer& tokenizer, const Document& document);

/// Prompt through the chat template, then the completion and an end token, which carry the loss.
Result<TokenSequence> answer_example(const Chat& chat, const Problem& problem);

/// The whole conversation through the chat template; what the assistant wrote in every turn carries
/// the loss. Without a template: answer_example.
Result<TokenSequence> conversation_example(const Chat& chat, const Problem& problem);

}  // namespace r1
