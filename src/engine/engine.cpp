#include "engine/engine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "kernels/cross_entropy.h"
#include "kernels/sampling.h"

namespace r1 {
namespace {

int64_t pages_for(int64_t n_tokens) { return (n_tokens + kPageSize - 1) / kPageSize; }

Result<void> validate(const SamplingParams& p) {
  if (!(p.temperature >= 0) || !std::isfinite(p.temperature)) {
    return fail("temperature is {}; it must be 0 (greedy) or more", p.temperature);
  }
  if (p.top_k < 0) return fail("top_k is {}; it must be 0 (off) or more", p.top_k);
  if (!(p.top_p > 0 && p.top_p <= 1)) {
    return fail("top_p is {}; it must be above 0 and at most 1 (off)", p.top_p);
  }
  if (!(p.min_p >= 0 && p.min_p <= 1)) {
    return fail("min_p is {}; it must be from 0 (off) to 1", p.min_p);
  }
  if (!(p.repetition_penalty > 0) || !std::isfinite(p.repetition_penalty)) {
    return fail("repetition_penalty is {}; it must be above 0 (1: off)", p.repetition_penalty);
  }
  return {};
}

}  // namespace

int64_t EngineConfig::page_count(int64_t max_positions) const {
  return n_pages > 0 ? n_pages : max_sequences * pages_for(length(max_positions));
}

Result<void> EngineConfig::validate(int64_t max_positions) const {
  constexpr int64_t kMost = 65536;
  if (max_sequences < 1 || max_sequences > kMost) {
    return fail("engine.max_sequences is {}; it must be from 1 to {}", max_sequences, kMost);
  }
  if (prefill_chunk < 1 || prefill_chunk > kMost) {
    return fail("engine.prefill_chunk is {}; it must be from 1 to {}", prefill_chunk, kMost);
  }
  if (max_length < 0) return fail("engine.max_length is {}; it must not be negative", max_length);
  const int64_t needed = pages_for(length(max_positions));
  if (n_pages != 0 && n_pages < needed) {
    return fail("engine.n_pages is {}; a conversation of {} positions needs {}", n_pages,
                length(max_positions), needed);
  }
  return {};
}

const char* finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      return "cancelled";
  }
  return "?";
}

Engine::Engine(const Transformer& model, Dtype kv_dtype, const EngineConfig& config,
               const Launch& launch)
    : model_(model),
      config_(config),
      launch_(launch),
      kv_dtype_(kv_dtype),
      max_length_(config.length(model.config().max_positions)),
      pages_(model, kv_dtype, config.page_count(model.config().max_positions)) {
  CHECK(config.max_sequences > 0 && config.prefill_chunk > 0, "engine: {} sequences, chunk {}",
        config.max_sequences, config.prefill_chunk);
  CHECK(pages_.n_pages() >= pages_for(max_length_),
        "engine: {} pages hold no sequence of {} positions", pages_.n_pages(), max_length_);
}

Result<void> Engine::submit(Request request) {
  const int64_t n_prompt = static_cast<int64_t>(request.prompt.size());
  R1_RETURN_IF_ERROR(validate(request.params));
  if (n_prompt == 0) return fail("the prompt has no tokens");
  if (n_prompt >= max_length_) {
    return fail("the prompt has {} tokens; at most {} fit in a context of {}", n_prompt,
                max_length_ - 1, max_length_);
  }
  for (int32_t token : request.prompt) {
    if (token < 0 || token >= model_.config().vocab_size) {
      return fail("token {} is outside the vocabulary of {}", token, model_.config().vocab_size);
    }
  }
  CHECK(!request.streams.empty() && request.max_tokens > 0, "request of {} samples, {} tokens",
        request.streams.size(), request.max_tokens);
  Active& active = requests_.emplace_back();
  active.n_left = static_cast<int>(request.streams.size());
  active.request = std::move(request);
  auto leader = std::make_unique<Sequence>();
  leader->request = &active.request;
  leader->leads_group = true;
  leader->tokens = active.request.prompt;
  waiting_.push_back(std::move(leader));
  return {};
}

void Engine::cancel(int64_t id) {
  if (is_stepping_) {  // called back from a batch that still needs its sequences
    to_cancel_.push_back(id);
    return;
  }
  std::vector<Sequence*> mine;
  for (auto& s : waiting_) {
    if (s->request->id == id) mine.push_back(s.get());
  }
  for (auto& s : running_) {
    if (s->request->id == id) mine.push_back(s.get());
  }
  for (Sequence* s : mine) finish(*s, FinishReason::kCancelled);
}

bool Engine::step() {
  admit();
  if (running_.empty()) return false;
  const std::vector<Job> jobs = schedule();
  CHECK(!jobs.empty(), "no sequence could be scheduled");
  Context ctx{launch_, arena_, kv_dtype_};
  ArenaScope scope(arena_);
  is_stepping_ = true;
  Tensor h = forward(jobs, ctx);
  sample(jobs, h, ctx);
  is_stepping_ = false;
  for (int64_t id : std::exchange(to_cancel_, {})) cancel(id);
  ++stats_.n_steps;
  return !running_.empty() || !waiting_.empty();
}

void Engine::admit() {
  while (!waiting_.empty() && static_cast<int64_t>(running_.size()) < config_.max_sequences) {
    const Sequence& next = *waiting_.front();
    const int64_t more = pages_for(static_cast<int64_t>(next.tokens.size()) + 1) -
                         static_cast<int64_t>(next.pages.size());
    if (!running_.empty() && more > pages_.n_free()) return;
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

bool Engine::reserve(Sequence& sequence, int64_t n_tokens) {
  while (static_cast<int64_t>(sequence.pages.size()) < pages_for(n_tokens)) {
    const int32_t page = pages_.take();
    if (page < 0) return false;
    sequence.pages.push_back(page);
  }
  return true;
}

void Engine::release_pages(Sequence& sequence) {
  for (int32_t page : sequence.pages) pages_.release(page);
  sequence.pages.clear();
}

/// Takes the pages of the youngest other sequence; it will compute its tokens again.
bool Engine::preempt_one(const Sequence& keep) {
  for (auto it = waiting_.rbegin(); it != waiting_.rend(); ++it) {
    if ((*it)->pages.empty()) continue;
    release_pages(**it);
    (*it)->n_computed = 0;
    return true;
  }
  if (running_.back().get() == &keep) return false;
  std::unique_ptr<Sequence> victim = std::move(running_.back());
  running_.pop_back();
  release_pages(*victim);
  victim->n_computed = 0;
  ++victim->n_preempted;
  ++stats_.n_preempted;
  waiting_.push_front(std::move(victim));
  return true;
}

std::vector<Engine::Job> Engine::schedule() {
  std::vector<Job> jobs;
  int64_t budget = config_.prefill_chunk;
  for (size_t i = 0; i < running_.size(); ++i) {
    Sequence& s = *running_[i];
    const int64_t pending = s.n_pending();
    const int64_t n_rows = pending == 1 ? 1 : std::min(pending, budget);
    if (n_rows == 0) continue;
    bool fits = reserve(s, s.n_computed + n_rows);
    while (!fits && preempt_one(s)) fits = reserve(s, s.n_computed + n_rows);
    if (!fits) {  // s is the youngest: it waits until an older one ends
      CHECK(i > 0, "one sequence does not fit into {} pages", pages_.n_pages());
      preempt_one(*running_[i - 1]);
      break;
    }
    if (pending > 1) budget -= n_rows;
    jobs.push_back({&s, n_rows});
  }
  return jobs;
}

Tensor Engine::forward(const std::vector<Job>& jobs, Context& ctx) {
  tokens_.clear();
  positions_.clear();
  offsets_.assign(1, 0);
  size_t max_pages = 0;
  for (const Job& job : jobs) {
    const Sequence& s = *job.sequence;
    for (int64_t i = 0; i < job.n_rows; ++i) {
      tokens_.push_back(s.tokens[s.n_computed + i]);
      positions_.push_back(static_cast<int32_t>(s.n_computed + i));
    }
    offsets_.push_back(static_cast<int32_t>(tokens_.size()));
    max_pages = std::max(max_pages, s.pages.size());
    (s.n_pending() == 1 ? stats_.n_decode : stats_.n_prefill) += job.n_rows;
  }
  page_table_.assign(jobs.size() * max_pages, 0);
  for (size_t b = 0; b < jobs.size(); ++b) {
    std::copy(jobs[b].sequence->pages.begin(), jobs[b].sequence->pages.end(),
              page_table_.begin() + static_cast<int64_t>(b * max_pages));
  }
  Rows rows;
  rows.batch = {static_cast<int64_t>(tokens_.size()), static_cast<int64_t>(jobs.size()),
                offsets_.data(), positions_.data()};
  rows.tokens = tokens_.data();
  rows.page_table = page_table_.data();
  rows.max_pages = static_cast<int64_t>(max_pages);
  rows.kv_base = pages_.base();
  rows.kv_layer_stride = pages_.layer_stride();
  rows.kv_page_stride = pages_.page_stride();
  return model_.forward(ctx, rows, nullptr);
}

void Engine::sample(const std::vector<Job>& jobs, Tensor h, Context& ctx) {
  std::vector<std::pair<Sequence*, int32_t>> rows;  // who draws from which row of h
  for (size_t b = 0; b < jobs.size(); ++b) {
    Sequence& s = *jobs[b].sequence;
    s.n_computed += jobs[b].n_rows;
    if (s.n_pending() > 0) continue;
    const int32_t last = offsets_[b + 1] - 1;
    rows.emplace_back(&s, last);
    if (!s.leads_group) continue;
    const size_t first = waiting_.size();
    fork(s);
    for (size_t i = first; i < waiting_.size(); ++i) rows.emplace_back(waiting_[i].get(), last);
    // siblings go before what was waiting already
    std::rotate(waiting_.begin(), waiting_.begin() + static_cast<int64_t>(first), waiting_.end());
  }
  // a group's first tokens may be many: never more logits at once than plan_engine counts
  const size_t most = static_cast<size_t>(config_.max_sequences);
  for (size_t i = 0; i < rows.size(); i += most) {
    ArenaScope scope(ctx.arena);
    draw(ctx, h, std::span(rows).subspan(i, std::min(most, rows.size() - i)));
  }
}

/// Makes the other samples of the leader's request: whole pages are shared, the last one is copied.
void Engine::fork(Sequence& leader) {
  leader.leads_group = false;
  const int64_t n_whole = leader.n_computed / kPageSize;
  for (size_t i = 1; i < leader.request->streams.size(); ++i) {
    auto sibling = std::make_unique<Sequence>();
    sibling->request = leader.request;
    sibling->sample = static_cast<int>(i);
    sibling->tokens = leader.tokens;
    sibling->n_computed = leader.n_computed;
    for (int64_t p = 0; p < n_whole; ++p) {
      pages_.share(leader.pages[p]);
      sibling->pages.push_back(leader.pages[p]);
      ++stats_.n_shared_pages;
    }
    if (leader.n_computed % kPageSize != 0) {
      const int32_t page = pages_.take();
      if (page >= 0) {
        pages_.copy(page, leader.pages[n_whole]);
        sibling->pages.push_back(page);
      } else {  // no room: computed again when its turn comes
        release_pages(*sibling);
        sibling->n_computed = 0;
      }
    }
    waiting_.push_back(std::move(sibling));
  }
}

void Engine::penalize(const Sequence& sequence, Tensor logits, int64_t row) const {
  const float penalty = sequence.request->params.repetition_penalty;
  std::vector<int32_t> seen = sequence.tokens;
  std::sort(seen.begin(), seen.end());
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  for (int32_t token : seen) {
    float& z = logits.row(row)[token];
    z = z > 0 ? z / penalty : z * penalty;
  }
}

void Engine::draw(Context& ctx, Tensor h, std::span<const std::pair<Sequence*, int32_t>> rows) {
  const int64_t n = static_cast<int64_t>(rows.size());
  std::vector<int32_t> indices, picked(n);
  std::vector<SampleRow> settings;
  std::vector<float> inverse;
  bool penalized = false;
  for (const auto& [s, row] : rows) {
    const SamplingParams& p = s->request->params;
    indices.push_back(row);
    settings.push_back({p.temperature, p.top_k, p.top_p, p.min_p, p.seed,
                        s->request->streams[s->sample], static_cast<int64_t>(s->tokens.size())});
    inverse.push_back(p.temperature > 0 ? 1.0f / p.temperature : 1.0f);
    penalized = penalized || p.repetition_penalty != 1.0f;
  }
  Tensor logits = model_.logits(ctx, h, indices), processed = logits;
  if (penalized) {
    processed = ctx.f32({n, logits.cols()});
    std::memcpy(processed.data, logits.data, static_cast<size_t>(logits.nbytes()));
    for (int64_t i = 0; i < n; ++i) penalize(*rows[i].first, processed, i);
  }
  sample_rows(launch_, picked.data(), processed, settings.data());
  Tensor logp = ctx.f32({n}), entropy = ctx.f32({n}), lse = ctx.f32({n});
  cross_entropy_forward(launch_, logp, entropy, lse, logits, picked.data(), inverse.data());
  for (int64_t i = 0; i < n; ++i) accept(*rows[i].first, picked[i], logp.f32()[i]);
}

bool Engine::accept(Sequence& s, int32_t token, float logp) {
  const Request& request = *s.request;
  s.tokens.push_back(token);
  s.logp.push_back(logp);
  const bool go_on = !request.on_token || request.on_token(s.sample, token, logp);
  const bool stops = std::find(request.stop_tokens.begin(), request.stop_tokens.end(), token) !=
                     request.stop_tokens.end();
  if (stops || !go_on) {
    finish(s, FinishReason::kStop);
  } else if (static_cast<int64_t>(s.logp.size()) >= request.max_tokens ||
             static_cast<int64_t>(s.tokens.size()) >= max_length_) {
    finish(s, FinishReason::kLength);
  } else {
    return true;
  }
  return false;
}

void Engine::finish(Sequence& s, FinishReason reason) {
  const Request& request = *s.request;
  // a leader that never forked ends all samples
  const int n_samples = s.leads_group ? static_cast<int>(request.streams.size()) : 1;
  release_pages(s);
  for (int i = 0; i < n_samples; ++i) {
    Completed done;
    done.request = request.id;
    done.sample = s.leads_group ? i : s.sample;
    done.tokens.assign(s.tokens.begin() + static_cast<int64_t>(request.prompt.size()),
                       s.tokens.end());
    done.logp = s.logp;
    done.reason = reason;
    if (request.on_done) request.on_done(std::move(done));
  }
  const auto active = std::find_if(requests_.begin(), requests_.end(),
                                   [&](const Active& a) { return &a.request == &request; });
  active->n_left -= n_samples;
  const bool last = active->n_left == 0;
  const auto is_s = [&](const std::unique_ptr<Sequence>& other) { return other.get() == &s; };
  std::erase_if(running_, is_s);
  std::erase_if(waiting_, is_s);
  if (last) requests_.erase(active);
}

}  // namespace r1
