#include "engine/answerer.h"

#include <algorithm>

namespace r1 {

Answerer::Answerer(LoadedModel loaded, Chat chat, AnswererOptions options, Backend backend)
    : loaded_(std::move(loaded)),
      chat_(std::move(chat)),
      options_(std::move(options)),
      backend_(backend) {
  const Tokenizer& tokenizer = chat_.tokenizer();
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    if (tokenizer.is_special(id) && tokenizer.token(id).size() > 1)
      special_.push_back(tokenizer.token(id));
  }
}

Result<std::unique_ptr<const Answerer>> Answerer::open(const Path& model,
                                                       const AnswererOptions& options) {
  R1_TRY(const Backend backend, default_backend());
  ThreadPool pool(usable_cores());
  R1_TRY(
      LoadedModel loaded,
      load_model(model, {.dtype = options.dtype, .quantize = options.quantize}, {backend, &pool}));
  R1_TRY(Chat chat, Chat::open(model, loaded.model->config()));
  return std::make_unique<const Answerer>(std::move(loaded), std::move(chat), options, backend);
}

/// A question must not end its own message: a blank goes into what reads as a special token.
std::string Answerer::plain(std::string text) const {
  for (const std::string& token : special_) {
    for (size_t at = text.find(token); at != text.npos; at = text.find(token, at + 2))
      text.insert(at + 1, 1, ' ');
  }
  return text;
}

std::vector<Result<ModelAnswer>> Answerer::answer(std::span<const std::string> questions,
                                                  uint64_t seed, ThreadPool& pool) const {
  const std::lock_guard lock(mutex_);
  std::vector<Result<ModelAnswer>> answers(questions.size(), fail("the model gave no answer"));
  std::vector<Request> requests;
  int64_t longest = 1;
  for (size_t i = 0; i < questions.size(); ++i) {
    auto prompt = chat_.prompt({{.role = "user", .content = plain(questions[i])}});
    if (!prompt) {
      answers[i] = fail_with(prompt.error());
      continue;
    }
    longest = std::max(longest, static_cast<int64_t>(prompt->size()));
    Request request;
    request.id = static_cast<int64_t>(i);
    request.prompt = std::move(*prompt);
    request.params = options_.params;
    request.params.seed = seed;
    request.max_tokens = options_.max_tokens;
    request.stop_tokens = chat_.stop_tokens();
    request.on_done = [&answers, this](Completed&& done) {
      answers[static_cast<size_t>(done.request)] =
          ModelAnswer{chat_.decode(done.tokens), done.reason == FinishReason::kStop};
    };
    requests.push_back(std::move(request));
  }
  const Transformer& model = *loaded_.model;
  EngineConfig config;
  config.max_sequences = options_.max_sequences;
  config.max_length = longest + options_.max_tokens;
  Engine engine(model, model.dtype() == Dtype::kBF16 ? Dtype::kBF16 : Dtype::kF32, config,
                {backend_, &pool});
  for (Request& request : requests) {
    const auto id = static_cast<size_t>(request.id);
    if (auto queued = engine.submit(std::move(request)); !queued)
      answers[id] = fail_with(queued.error());
  }
  engine.run();
  return answers;
}

}  // namespace r1
