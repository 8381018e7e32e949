#include "engine/engine.h"

#include <algorithm>
#include <utility>

#include "kernels/cross_entropy.h"

namespace r1 {

std::string describe_speculation(const EngineStats& stats) {
  return fmt::format("speculation: {} of {} guesses stood ({:.1f} %)", stats.n_accepted,
                     stats.n_drafted, 100 * stats.acceptance_rate());
}

Engine::Engine(const Transformer& model, Dtype kv_dtype, const EngineConfig& config,
               const Launch& launch)
    : model_(model),
      config_(config),
      launch_(launch),
      kv_dtype_(kv_dtype),
      max_length_(config.length(model.config().max_positions)),
      pages_(model, kv_dtype, config.page_count(model.config().max_positions),
             config.speculate > 0 ? 1 : 0),
      side_by_side_(model) {
  CHECK(config.max_sequences > 0 && config.prefill_chunk > 0, "engine: {} sequences, chunk {}",
        config.max_sequences, config.prefill_chunk);
  CHECK(pages_.n_pages() >= pages_for(max_length_),
        "engine: {} pages hold no sequence of {} positions", pages_.n_pages(), max_length_);
  if (config.speculate > 0) drafter_ = std::make_unique<Drafter>(model, pages_);
}

Result<void> Engine::submit(Request request) {
  const int64_t n_prompt = static_cast<int64_t>(request.prompt.size());
  R1_RETURN_IF_ERROR(validate(request.params));
  if (request.keep_sampling_mask && request.params.repetition_penalty != 1.0f) {
    return fail("keep_sampling_mask goes with repetition_penalty 1, not {}",
                request.params.repetition_penalty);
  }
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
  if (drafter_) drafter_->draft(ctx, jobs);
  Tensor h = forward(jobs, ctx);
  if (drafter_) drafter_->teach(ctx, jobs, batch_, h);
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

/// All pages that are missing, or none.
bool Engine::reserve(Sequence& sequence, int64_t n_tokens) {
  const int64_t missing = pages_for(n_tokens) - static_cast<int64_t>(sequence.pages.size());
  if (missing > pages_.n_free()) return false;
  for (int64_t i = 0; i < missing; ++i) sequence.pages.push_back(pages_.take());
  return true;
}

/// How many guesses are of use beside the next token, which needs none.
int64_t Engine::draft_room(const Sequence& s) const {
  if (!drafter_ || s.n_pending() != 1 || s.hidden.empty()) return 0;
  const int64_t n_left = std::min(s.request->max_tokens - static_cast<int64_t>(s.logp.size()),
                                  max_length_ - static_cast<int64_t>(s.tokens.size()));
  return std::min(config_.speculate, n_left - 1);
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
    (*it)->start_over();
    return true;
  }
  if (running_.back().get() == &keep) return false;
  std::unique_ptr<Sequence> victim = std::move(running_.back());
  running_.pop_back();
  release_pages(*victim);
  victim->start_over();
  ++victim->n_preempted;
  ++stats_.n_preempted;
  waiting_.push_front(std::move(victim));
  return true;
}

std::vector<Job> Engine::schedule() {
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
    const int64_t n_drafts = draft_room(s);
    const bool speculates = n_drafts > 0 && reserve(s, s.n_computed + n_rows + n_drafts);
    jobs.push_back({&s, n_rows, speculates ? n_drafts : 0});
  }
  return jobs;
}

Tensor Engine::forward(const std::vector<Job>& jobs, Context& ctx) {
  batch_.clear();
  for (const Job& job : jobs) {
    const Sequence& s = *job.sequence;
    for (int64_t p = s.n_computed; p < s.n_computed + job.n_rows; ++p) batch_.add(s.tokens[p], p);
    for (int64_t i = 0; i < job.n_drafts; ++i) {
      batch_.add(s.drafts[i], s.n_computed + job.n_rows + i);
    }
    batch_.close(s.pages);
    (s.n_pending() == 1 ? stats_.n_decode : stats_.n_prefill) += job.n_rows + job.n_drafts;
  }
  return side_by_side_.forward(ctx, batch_.rows(pages_));
}

void Engine::sample(const std::vector<Job>& jobs, Tensor h, Context& ctx) {
  std::vector<Drawer> drawers;
  for (size_t b = 0; b < jobs.size(); ++b) {
    Sequence& s = *jobs[b].sequence;
    s.n_computed += jobs[b].n_rows;
    if (s.n_pending() > 0) continue;
    const int32_t last = batch_.begin(b) + static_cast<int32_t>(jobs[b].n_rows) - 1;
    for (int64_t i = 0; i <= jobs[b].n_drafts; ++i) {
      drawers.push_back({&s, last + static_cast<int32_t>(i), i});
    }
    if (!s.leads_group) continue;
    const size_t first = waiting_.size();
    fork(s);
    for (size_t i = first; i < waiting_.size(); ++i) drawers.push_back({waiting_[i].get(), last});
    // siblings go before what was waiting already
    std::rotate(waiting_.begin(), waiting_.begin() + static_cast<int64_t>(first), waiting_.end());
  }
  // a group's first tokens may be many: never more logits at once than plan_engine counts
  const size_t most = static_cast<size_t>(config_.most_drawn());
  for (size_t i = 0, end = 0; i < drawers.size(); i = end) {
    end = std::min(i + most, drawers.size());
    while (end < drawers.size() && drawers[end].n_ahead > 0) --end;  // a sequence in one piece
    ArenaScope scope(ctx.arena);
    draw(ctx, h, std::span(drawers).subspan(i, end - i));
  }
}

/// Makes the other samples of the leader's request: whole pages are shared, the last one is copied.
void Engine::fork(Sequence& leader) {
  leader.leads_group = false;
  // the MTP module's row of the last position waits for the token that each sample will draw
  const int64_t n_whole = (leader.n_computed - (drafter_ ? 1 : 0)) / kPageSize;
  for (size_t i = 1; i < leader.request->streams.size(); ++i) {
    auto sibling = std::make_unique<Sequence>();
    sibling->request = leader.request;
    sibling->sample = static_cast<int>(i);
    sibling->tokens = leader.tokens;
    sibling->n_computed = leader.n_computed;
    sibling->n_taught = leader.n_taught;
    for (int64_t p = 0; p < n_whole; ++p) {
      pages_.share(leader.pages[p]);
      sibling->pages.push_back(leader.pages[p]);
      ++stats_.n_shared_pages;
    }
    if (leader.n_computed > n_whole * kPageSize) {
      const int32_t page = pages_.take();
      if (page >= 0) {
        pages_.copy(page, leader.pages[n_whole]);
        sibling->pages.push_back(page);
      } else {  // no room: computed again when its turn comes
        release_pages(*sibling);
        sibling->start_over();
      }
    }
    waiting_.push_back(std::move(sibling));
  }
}

void Engine::draw(Context& ctx, Tensor h, std::span<const Drawer> drawers) {
  const int64_t n = static_cast<int64_t>(drawers.size());
  Tensor logits = model_.logits(ctx, h, rows_of(drawers));
  const std::vector<int32_t> drawn = draw_tokens(ctx, logits, drawers);
  std::vector<KeptTokens> kept = keep_tokens(ctx, logits, drawers);
  std::vector<float> inverse;
  for (const Drawer& d : drawers) {
    const float temperature = d.sequence->request->params.temperature;
    inverse.push_back(temperature > 0 ? 1.0f / temperature : 1.0f);
  }
  Tensor logp = ctx.f32({n}), entropy = ctx.f32({n}), lse = ctx.f32({n});
  cross_entropy_forward(launch_, logp, entropy, lse, logits, drawn.data(), inverse.data());
  for (int64_t i = 0, end = 0; i < n; i = end) {  // a sequence may be gone after its turn
    end = i + 1;
    while (end < n && drawers[end].n_ahead > 0) ++end;
    settle(drawers[i], h, std::span(drawn).subspan(i, end - i), logp.f32() + i,
           std::span(kept).subspan(i, end - i));
  }
}

/// Takes the first token that was drawn, and each further one while the guess before it was right:
/// only then is its row that of the sequence.
void Engine::settle(const Drawer& drawer, Tensor h, std::span<const int32_t> drawn,
                    const float* logp, std::span<KeptTokens> kept) {
  Sequence& s = *drawer.sequence;
  const std::vector<int32_t> drafts = std::exchange(s.drafts, {});
  stats_.n_drafted += static_cast<int64_t>(drafts.size());
  int64_t n = 0;  // rows that are the sequence's
  for (bool goes_on = true; goes_on; ++n) {
    const bool was_right = n < static_cast<int64_t>(drafts.size()) && drafts[n] == drawn[n];
    stats_.n_accepted += was_right;
    if (s.request->keep_sampling_mask) s.kept.push_back(std::move(kept[n]));
    if (!accept(s, drawn[n], logp[n])) return;
    s.n_computed += was_right;
    goes_on = was_right;
  }
  if (drafter_ && s.n_computed > 0) drafter_->remember(s, h, drawer.row, n);
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
    done.kept = s.kept;
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
