#include "train/general_ability.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "data/last_digit.h"
#include "data/published.h"
#include "train/examples.h"

namespace r1 {
namespace {

constexpr EncodeOptions kPlain{.add_special = false, .parse_special = false};
constexpr int64_t kNeverReached = int64_t{1} << 40;  // documents of the built-in corpus from here
constexpr int64_t kBatchTokens = 2048;
constexpr uint64_t kDocumentSeed = 0;

struct Item {
  TokenSequence sequence;
  double n_bytes = 0;  // of what carries weight
};

/// Sum of the log-probabilities of each sequence's weighted tokens.
std::vector<double> sum_logp(const Transformer& model, const std::vector<Item>& items,
                             Dtype kv_dtype, const Launch& launch) {
  Arena arena;
  std::vector<int64_t> lengths;
  for (const Item& item : items) lengths.push_back(std::ssize(item.sequence.tokens) - 1);
  std::vector<double> sums;
  for (const std::vector<int>& members : pack(lengths, kBatchTokens)) {
    std::vector<const TokenSequence*> views;
    for (const int i : members) views.push_back(&items[static_cast<size_t>(i)].sequence);
    const std::vector<float> logp =
        score_batch(model, Batch(views), 1.0f, {launch, arena, kv_dtype});
    size_t at = 0;
    for (const TokenSequence* s : views) {
      double sum = 0;
      for (const float weight : s->weights) {
        if (weight != 0) sum += logp[at++];
      }
      sums.push_back(sum);
    }
  }
  return sums;
}

void cut(TokenSequence& sequence, int64_t max_length) {
  if (std::ssize(sequence.tokens) <= max_length) return;
  sequence.tokens.resize(static_cast<size_t>(max_length));
  sequence.weights.resize(static_cast<size_t>(max_length));
}

class GeneralSets {
 public:
  GeneralSets(const Transformer& model, const Chat& chat, const GeneralConfig& config,
              Dtype kv_dtype, const Launch& launch)
      : model_(model), chat_(chat), config_(config), kv_dtype_(kv_dtype), launch_(launch) {}

  /// By what a document begins with: nothing, a problem, a user's turn.
  void add_built_in() {
    std::map<std::string, std::vector<Item>> kinds;
    const auto limit = static_cast<size_t>(config_.general_limit);
    const auto is_full = [&] {
      return kinds.size() == 3 && std::all_of(kinds.begin(), kinds.end(), [&](const auto& kind) {
               return kind.second.size() >= limit;
             });
    };
    for (int64_t i = kNeverReached; !is_full(); ++i) {
      const Document document = last_digit_document(kDocumentSeed, i);
      std::vector<Item>& kind =
          kinds[document.prompt == "<bos>"                            ? "tables"
                : document.prompt.find("<user>") == std::string::npos ? "textbook"
                                                                      : "conversations"];
      if (kind.size() < limit)
        kind.push_back({document_example(chat_.tokenizer(), document),
                        static_cast<double>(document.completion.size())});
    }
    for (const auto& [name, items] : kinds) add_texts("last_digit " + name, items);
  }

  Result<void> add_file(const std::string& file, const DatasetOptions& columns) {
    std::vector<Problem> rows;
    DatasetOptions options = columns;
    R1_TRY(rows, read_problems(file, options));
    if (std::ssize(rows) > config_.general_limit)
      rows.resize(static_cast<size_t>(config_.general_limit));
    const std::string name = rows.front().source;
    if (rows.front().form == "choice") return add_choices(name, file, rows);
    std::vector<Item> items;
    for (const Problem& row : rows) {
      if (!row.messages.empty() || row.completion.empty())
        return fail("{}: {} is neither a text nor multiple choice", file, row.id);
      items.push_back(text_item(row.completion));
    }
    add_texts(name, items);
    return {};
  }

  std::vector<AbilityScore> scores;

 private:
  Item text_item(const std::string& text) const {
    Item item;
    item.sequence.tokens = chat_.raw(text);
    const auto eos = chat_.tokenizer().eos_id();
    if (chat_.tokenizer().affixes().first.empty() && eos)
      item.sequence.tokens.insert(item.sequence.tokens.begin(), *eos);
    item.sequence.weights.assign(item.sequence.tokens.size(), 1.0f);
    if (!item.sequence.weights.empty()) item.sequence.weights[0] = 0;
    const size_t whole = item.sequence.tokens.size();
    cut(item.sequence, model_.config().max_positions);
    item.n_bytes = static_cast<double>(item.sequence.tokens.size() < whole
                                           ? chat_.decode(item.sequence.tokens).size()
                                           : text.size());
    return item;
  }

  void add_texts(const std::string& name, const std::vector<Item>& items) {
    const std::vector<double> sums = sum_logp(model_, items, kv_dtype_, launch_);
    AbilityScore score{name, false, {}};
    for (size_t i = 0; i < items.size(); ++i)
      score.values.push_back(-sums[i] / std::log(2.0) / std::max(1.0, items[i].n_bytes));
    scores.push_back(std::move(score));
  }

  Result<void> add_choices(const std::string& name, const std::string& file,
                           const std::vector<Problem>& rows) {
    std::vector<Item> items;
    for (const Problem& row : rows) {
      if (row.form != "choice") return fail("{}: {} is not multiple choice", file, row.id);
      const std::vector<int32_t> question = chat_.raw(question_of(row) + "\nAnswer:");
      for (const std::string& choice : choices_of(row)) {
        Item item;
        item.sequence.tokens = question;
        item.sequence.weights.assign(question.size(), 0.0f);
        const auto words = chat_.tokenizer().encode(" " + choice, kPlain);
        item.sequence.tokens.insert(item.sequence.tokens.end(), words.begin(), words.end());
        item.sequence.weights.resize(item.sequence.tokens.size(), 1.0f);
        item.n_bytes = static_cast<double>(choice.size() + 1);
        if (std::ssize(item.sequence.tokens) > model_.config().max_positions)
          return fail("{}: {} is longer than the {} tokens of the model", file, row.id,
                      model_.config().max_positions);
        items.push_back(std::move(item));
      }
    }
    const std::vector<double> sums = sum_logp(model_, items, kv_dtype_, launch_);
    AbilityScore score{name, true, {}};
    size_t at = 0;
    for (const Problem& row : rows) {
      const size_t n = choices_of(row).size();
      size_t best = 0;
      for (size_t i = 1; i < n; ++i) {
        if (sums[at + i] / items[at + i].n_bytes > sums[at + best] / items[at + best].n_bytes)
          best = i;
      }
      score.values.push_back(row.answer == std::string(1, static_cast<char>('A' + best)) ? 1 : 0);
      at += n;
    }
    scores.push_back(std::move(score));
    return {};
  }

  const Transformer& model_;
  const Chat& chat_;
  const GeneralConfig& config_;
  Dtype kv_dtype_;
  const Launch& launch_;
};

}  // namespace

Result<std::vector<AbilityScore>> measure_general(const Transformer& model, const Chat& chat,
                                                  const GeneralConfig& config,
                                                  const DatasetOptions& columns, Dtype kv_dtype,
                                                  const Launch& launch) {
  if (config.general_limit < 1)
    return fail("general_limit is {}; it must be at least 1", config.general_limit);
  GeneralSets sets(model, chat, config, kv_dtype, launch);
  for (const std::string& data : config.general_data) {
    if (data == kLastDigitData) {
      const auto& tokenizer = chat.tokenizer();
      if (tokenizer.encode("first", {.add_special = false, .parse_special = true}).size() != 1)
        return fail("general_data {}: the model does not have the words of the built-in task",
                    data);
      sets.add_built_in();
    } else {
      R1_RETURN_IF_ERROR(sets.add_file(data, columns));
    }
  }
  return std::move(sets.scores);
}

}  // namespace r1
