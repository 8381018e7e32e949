#include "train/documents.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "data/last_digit.h"
#include "train/examples.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

/// Tokens before and behind the text of a document.
std::pair<int64_t, int64_t> affix_lengths(const Tokenizer& tokenizer,
                                          const std::vector<int32_t>& ids) {
  int64_t opening = 0, closing = 0;
  for (const int32_t id : tokenizer.affixes().first) {
    if (opening < std::ssize(ids) && ids[static_cast<size_t>(opening)] == id) ++opening;
  }
  if (const auto eos = tokenizer.eos_id(); eos && opening < std::ssize(ids) && ids.back() == *eos) {
    closing = 1;
  }
  return {opening, closing};
}

}  // namespace

Result<void> PackingConfig::validate(const Tokenizer& tokenizer) const {
  if (packing != "documents" && packing != "stream")
    return fail("packing is '{}'; it is documents or stream", packing);
  if (packing == "stream" && !tokenizer.eos_id())
    return fail("packing stream needs an end-of-sequence token; this tokenizer has none");
  if (!(fim_rate >= 0 && fim_rate <= 1)) return fail("fim_rate is {}; it is from 0 to 1", fim_rate);
  if (fim_rate > 0 && !fim_tokens(tokenizer)) {
    return fail(
        "fim_rate {} needs the tokens <|fim_prefix|>, <|fim_suffix|> and <|fim_middle|>, or "
        "DeepSeek's <｜fim▁begin｜>, <｜fim▁hole｜> and <｜fim▁end｜>; this tokenizer has neither",
        fim_rate);
  }
  return {};
}

std::optional<FimTokens> fim_tokens(const Tokenizer& tokenizer) {
  constexpr const char* kNames[][3] = {{"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"},
                                       {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"}};
  for (const auto& names : kNames) {
    const auto begin = tokenizer.token_id(names[0]), hole = tokenizer.token_id(names[1]),
               end = tokenizer.token_id(names[2]);
    if (begin && hole && end) return FimTokens{*begin, *hole, *end};
  }
  return std::nullopt;
}

std::vector<int32_t> fill_in_the_middle(const std::vector<int32_t>& ids, int64_t n_opening,
                                        int64_t n_closing, const FimTokens& fim, Rng& rng) {
  const int64_t first = n_opening, last = std::ssize(ids) - n_closing;
  CHECK(0 <= first && first <= last, "{} opening and {} closing of {} ids", n_opening, n_closing,
        ids.size());
  int64_t a = rng.between(first, last), b = rng.between(first, last);
  if (a > b) std::swap(a, b);
  std::vector<int32_t> out;
  out.reserve(ids.size() + 3);
  const auto add = [&](int64_t begin, int64_t end) {
    out.insert(out.end(), ids.begin() + begin, ids.begin() + end);
  };
  add(0, first);
  out.push_back(fim.begin);
  add(first, a);
  out.push_back(fim.hole);
  add(b, last);
  out.push_back(fim.end);
  add(a, b);
  add(last, std::ssize(ids));
  return out;
}

Result<Documents> Documents::open(const std::string& data, const DatasetOptions& columns,
                                  const PackingConfig& packing, const Chat& chat, uint64_t seed,
                                  int64_t vocab_size, int64_t max_length, ThreadPool& pool) {
  R1_RETURN_IF_ERROR(packing.validate(chat.tokenizer()));
  Documents d(packing, chat, seed, vocab_size, max_length);
  if (packing.fim_rate > 0) d.fim_ = fim_tokens(chat.tokenizer());
  if (data == kLastDigitData) return d;
  R1_TRY(d.corpus_,
         open_corpus(data, {packing.document_separator, columns}, chat.tokenizer(), pool));
  if (d.corpus_->n_documents() == 0 || d.corpus_->n_tokens() == 0)
    return fail("{}: it holds no documents", data);
  d.cursor_.emplace(d.corpus_->n_documents(), seed);
  log_info("{}: {} tokens of {} documents", data, d.corpus_->n_tokens(), d.corpus_->n_documents());
  return d;
}

Documents::Place Documents::place() const {
  return cursor_ ? Place{cursor_->epoch(), cursor_->position()} : Place{0, index_};
}

Result<void> Documents::go_to(Place place) {
  if (cursor_) return cursor_->resume(place.epoch, place.position);
  index_ = place.position;
  return {};
}

/// Whole: the built-in corpus has its own weights, of a corpus every token is learned.
Result<TokenSequence> Documents::next_document() {
  if (!cursor_) return document_example(chat_.tokenizer(), last_digit_document(seed_, index_++));
  const int64_t epoch = cursor_->epoch(), row = cursor_->next();
  TokenSequence document;
  R1_TRY(document.tokens, corpus_->document(row, vocab_size_));
  if (fim_) {
    Rng rng(seed_, stream_key({static_cast<uint64_t>(Purpose::kFill), static_cast<uint64_t>(epoch),
                               static_cast<uint64_t>(row)}));
    if (rng.uniform() < packing_.fim_rate) {
      const auto [opening, closing] = affix_lengths(chat_.tokenizer(), document.tokens);
      document.tokens = fill_in_the_middle(document.tokens, opening, closing, *fim_, rng);
    }
  }
  document.weights.assign(document.tokens.size(), 1.0f);
  return document;
}

/// Of a corpus: the next max_length tokens of a document, of which all but the first are learned.
Result<TokenSequence> Documents::next_piece() {
  for (int64_t n_read = 0;;) {
    if (offset_ == std::ssize(current_.tokens)) {
      if (corpus_ && n_read++ > corpus_->n_documents())
        return fail("no row of the data is two tokens long; there is nothing to predict");
      current_place_ = place();
      R1_TRY(current_, next_document());
      offset_ = 0;
    }
    const int64_t begin = offset_, size = std::ssize(current_.tokens);
    if (!corpus_ && size > max_length_) {
      return fail(
          "a document of {} has {} tokens, more than the {} of one sequence; set "
          "new_model.max_positions to 256 or leave max_length at 0",
          kLastDigitData, size, max_length_);
    }
    offset_ = std::min(size, begin + max_length_);
    if (offset_ - begin < 2) continue;  // nothing to predict
    TokenSequence piece;
    piece.tokens.assign(current_.tokens.begin() + begin, current_.tokens.begin() + offset_);
    piece.weights.assign(current_.weights.begin() + begin, current_.weights.begin() + offset_);
    piece.weights[0] = 0.0f;
    return piece;
  }
}

/// max_length predictions: a window begins with the last token of the one before, so that every
/// token is learned once. What it learns of a document's first token follows from another's end.
Result<TokenSequence> Documents::next_window() {
  const int64_t n = max_length_ + 1;
  TokenSequence window;
  if (last_token_ >= 0) window = {{last_token_}, {0.0f}};
  while (std::ssize(window.tokens) < n) {
    if (offset_ == std::ssize(current_.tokens)) {
      current_place_ = place();
      R1_TRY(current_, next_document());
      offset_ = 0;
    }
    const int64_t take =
        std::min(n - std::ssize(window.tokens), std::ssize(current_.tokens) - offset_);
    const auto append = [&](auto& to, const auto& from) {
      to.insert(to.end(), from.begin() + offset_, from.begin() + offset_ + take);
    };
    append(window.tokens, current_.tokens);
    append(window.weights, current_.weights);
    offset_ += take;
  }
  window.weights[0] = 0.0f;
  last_token_ = window.tokens.back();
  return window;
}

Result<std::vector<TokenSequence>> Documents::next(int64_t n_tokens) {
  std::vector<TokenSequence> step;
  for (int64_t n = 0; n < n_tokens;) {
    R1_TRY(TokenSequence sequence, packing_.packing == "stream" ? next_window() : next_piece());
    n += std::ssize(sequence.tokens) - 1;
    step.push_back(std::move(sequence));
  }
  return step;
}

std::string Documents::state() const {
  const bool is_inside = offset_ < std::ssize(current_.tokens) || last_token_ >= 0;
  const Place at = is_inside ? current_place_ : place();
  Json state;
  if (cursor_) {
    state = {{"epoch", at.epoch}, {"position", at.position}};
  } else {
    state = {{"document", at.position}};
  }
  if (is_inside) state["offset"] = offset_, state["last_token"] = last_token_;
  return state.dump();
}

Result<void> Documents::resume(const std::string& text) {
  const Json state = Json::parse(text, nullptr, false);
  const auto number = [&](const char* key, int64_t otherwise) {
    const bool is_there =
        state.is_object() && state.contains(key) && state[key].is_number_integer();
    return is_there ? state[key].get<int64_t>() : otherwise;
  };
  const Place at{number("epoch", 0), cursor_ ? number("position", 0) : number("document", 0)};
  R1_RETURN_IF_ERROR(go_to(at));
  const int64_t offset = number("offset", -1);
  if (offset < 0) return {};
  current_place_ = at;
  R1_TRY(current_, next_document());
  if (offset > std::ssize(current_.tokens)) {
    return fail(
        "cannot resume at token {} of a document of {}; resume with the data the run began "
        "with",
        offset, current_.tokens.size());
  }
  offset_ = offset;
  last_token_ = static_cast<int32_t>(number("last_token", -1));
  return {};
}

}  // namespace r1
