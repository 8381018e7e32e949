// Encoding speed of a real tokenizer on real text, one thread:
//   R1_BENCH_TOKENIZER=DIR R1_BENCH_TEXT=FILE r1_bench --benchmark_filter=Tokenizer
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "base/file.h"
#include "text/tokenizer.h"

namespace r1 {
namespace {

constexpr size_t kDocumentBytes = 10000;

/// Cut behind a line break: documents of the size that the peer is given.
std::vector<std::string_view> documents(std::string_view text) {
  std::vector<std::string_view> cut;
  while (!text.empty()) {
    const size_t line = text.find('\n', std::min(kDocumentBytes, text.size()));
    const size_t n = line == text.npos ? text.size() : line + 1;
    cut.push_back(text.substr(0, n));
    text.remove_prefix(n);
  }
  return cut;
}

void encode(benchmark::State& state) {
  const char *folder = std::getenv("R1_BENCH_TOKENIZER"), *file = std::getenv("R1_BENCH_TEXT");
  if (!folder || !file) {
    state.SkipWithError("set R1_BENCH_TOKENIZER=DIR and R1_BENCH_TEXT=FILE");
    return;
  }
  const auto tokenizer = Tokenizer::load(folder);
  const auto text = read_text(file);
  if (!tokenizer || !text) {
    state.SkipWithError((tokenizer ? text.error() : tokenizer.error()).message.c_str());
    return;
  }
  const auto docs = documents(*text);
  size_t n_ids = 0;
  for (auto _ : state) {
    n_ids = 0;
    for (const std::string_view doc : docs) {
      n_ids += tokenizer->encode(doc, {.add_special = false}).size();
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text->size()));
  state.counters["ids"] = static_cast<double>(n_ids);
}

BENCHMARK(encode)->Name("Tokenizer/encode")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace r1
