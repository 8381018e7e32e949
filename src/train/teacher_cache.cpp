#include "train/teacher_cache.h"

#include <cstring>

#include "base/log.h"
#include "checkpoint/safetensors.h"

namespace r1 {
namespace {

Tensor view(const void* data, Dtype dtype, std::initializer_list<int64_t> shape) {
  return Tensor(const_cast<void*>(data), dtype, shape);
}

Path key_file(Path file) { return file += ".key"; }

}  // namespace

std::string TeacherCache::key_of(const std::vector<TokenSequence>& sequences, int64_t k,
                                 double temperature, const std::string& teacher) {
  std::string all;
  const auto add = [&](const auto& values) {
    all.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0]));
  };
  for (const TokenSequence& s : sequences) add(s.tokens), add(s.weights);
  const std::string tokens = checksum(std::as_bytes(std::span(all.data(), all.size())));
  return fmt::format("{} top-{} temperature {} of {}\n", tokens, k, temperature, teacher);
}

TeacherCache TeacherCache::compute(const Transformer& teacher,
                                   const std::vector<TokenSequence>& sequences, int64_t k,
                                   double temperature, int64_t n_vocabulary,
                                   int64_t micro_batch_tokens, Dtype kv_dtype,
                                   const Launch& launch) {
  TeacherCache cache;
  cache.k_ = std::min(k, n_vocabulary);
  Arena arena;
  std::vector<int64_t> lengths;
  for (const TokenSequence& s : sequences) lengths.push_back(std::ssize(s.tokens) - 1);
  Progress progress("teacher", std::ssize(sequences));
  int64_t n_done = 0;
  for (const std::vector<int>& members : pack(lengths, micro_batch_tokens)) {
    std::vector<const TokenSequence*> views;
    for (const int i : members) views.push_back(&sequences[static_cast<size_t>(i)]);
    const Batch batch(views);
    Context ctx{launch, arena, kv_dtype};
    ArenaScope scope(arena);
    const Tensor h = teacher.forward(ctx, batch.rows(), nullptr);
    const LossRows loss = batch.loss_rows(1.0f);
    for (size_t first = 0; first < loss.rows.size(); first += LmHead::kChunk) {
      ArenaScope chunk(arena);
      const size_t n = std::min<size_t>(LmHead::kChunk, loss.rows.size() - first);
      const Tensor t = teacher.logits(ctx, h, loss.rows.subspan(first, n));
      const size_t at = cache.rest_.size(), width = static_cast<size_t>(cache.k_);
      cache.rest_.resize(at + n);
      cache.ids_.resize((at + n) * width);
      cache.logp_.resize((at + n) * width);
      launch.pool->parallel_for(static_cast<int64_t>(n), 1, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          const size_t row = at + static_cast<size_t>(r);
          cache.rest_[row] = take_top_k({t.row(r), static_cast<size_t>(n_vocabulary)},
                                        static_cast<float>(temperature),
                                        std::span(cache.ids_).subspan(row * width, width),
                                        std::span(cache.logp_).subspan(row * width, width));
        }
      });
    }
    n_done += std::ssize(members);
    progress.update(n_done, "sequences");
  }
  progress.finish();
  return cache;
}

Result<void> TeacherCache::write(const Path& file, const std::string& key) const {
  R1_RETURN_IF_ERROR(
      write_safetensors_file(file, {{"ids", view(ids_.data(), Dtype::kI32, {n_rows(), k_})},
                                    {"logp", view(logp_.data(), Dtype::kF32, {n_rows(), k_})},
                                    {"rest", view(rest_.data(), Dtype::kF32, {n_rows()})}}));
  return write_text_atomic(key_file(file), key);  // last: a cache without its key does not count
}

Result<std::optional<TeacherCache>> TeacherCache::read(const Path& file, const std::string& key) {
  std::error_code ignored;
  std::optional<TeacherCache> found;
  if (!std::filesystem::exists(file, ignored) || !std::filesystem::exists(key_file(file), ignored))
    return found;
  R1_TRY(const std::string stored, read_text(key_file(file)));
  if (stored != key) return found;
  R1_TRY(const SafetensorsFile tensors, SafetensorsFile::open(file));
  TeacherCache cache;
  for (const StoredTensor& t : tensors.tensors()) {
    const auto copy = [&](auto& to) {
      to.resize(t.bytes.size() / sizeof(to[0]));
      std::memcpy(to.data(), t.bytes.data(), to.size() * sizeof(to[0]));
    };
    if (t.name == "ids") copy(cache.ids_);
    if (t.name == "logp") copy(cache.logp_);
    if (t.name == "rest") copy(cache.rest_);
  }
  const size_t n = cache.rest_.size();
  cache.k_ = n == 0 ? 0 : static_cast<int64_t>(cache.ids_.size() / n);
  const size_t whole = n * static_cast<size_t>(cache.k_);
  if (n == 0 || cache.ids_.size() != whole || cache.logp_.size() != whole)
    return fail("{}: not a teacher's cache; delete it", file.string());
  found = std::move(cache);
  return found;
}

TopK TeacherCache::row(int64_t i) const {
  const auto at = static_cast<size_t>(i * k_), n = static_cast<size_t>(k_);
  return {std::span(ids_).subspan(at, n), std::span(logp_).subspan(at, n),
          rest_[static_cast<size_t>(i)]};
}

}  // namespace r1
