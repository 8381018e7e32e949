#include "train/supervised.h"

#include <algorithm>
#include <numeric>

#include "kernels/peak.h"
#include "train/objectives.h"

namespace r1 {

double machine_peak(const Launch& launch) {
  return measure_fma_peak(launch.backend, 0.02) * 1e9 * launch.pool->size();
}

Result<StepLoss> accumulate_nll(Learner& learner, const std::vector<TokenSequence>& sequences,
                                int64_t micro_batch_tokens, double mtp_weight) {
  StepLoss step;
  double entropy = 0;
  std::vector<int64_t> lengths;
  for (const TokenSequence& s : sequences) {
    lengths.push_back(static_cast<int64_t>(s.tokens.size()) - 1);
    step.weight += std::accumulate(s.weights.begin(), s.weights.end(), 0.0);
  }
  step.mtp.weight = static_cast<float>(mtp_weight);
  step.mtp.total = step.weight;
  int index = 0;
  for (const std::vector<int>& members : pack(lengths, micro_batch_tokens)) {
    std::vector<const TokenSequence*> chosen;
    for (int i : members) chosen.push_back(&sequences[i]);
    const Batch batch(chosen);
    const auto objective = [&](const TokenView& t) {
      step.loss += nll(t.logp, batch.weights(), step.weight, t.dlogp);
      for (float h : t.entropy) entropy += h;
    };
    auto done = learner.accumulate(batch, 1.0f, objective, &step.mtp);
    if (!done) return fail_with(done.error().with(fmt::format("micro-batch {}", index)));
    step.n_rows += batch.n_rows();
    ++index;
  }
  step.n_sequences = static_cast<int64_t>(sequences.size());
  step.metrics = {{"entropy", entropy / std::max(1.0, step.weight)}};
  return step;
}

namespace {

int64_t count_rows(const std::vector<TokenSequence>& sequences) {
  int64_t n = 0;
  for (const TokenSequence& s : sequences) n += std::ssize(s.tokens) - 1;
  return n;
}

}  // namespace

Result<void> add_evaluation(SupervisedPlan& plan, const Evaluation& evaluation, int64_t eval_steps,
                            const EvaluatedRun& r) {
  if (!evaluation || eval_steps < 1) return {};
  if (!r.run.resumed()) {
    R1_TRY(const Metrics before, evaluation(0, r.model, r.chat, r.machine));
    R1_RETURN_IF_ERROR(r.run.record(0, before));
  }
  plan.measure = [=, others = plan.measure](int64_t done) -> Result<Metrics> {
    Metrics metrics;
    if (others) {
      R1_TRY(metrics, others(done));
    }
    if (done % eval_steps != 0 && done != r.max_steps) return metrics;
    R1_TRY(const Metrics own, evaluation(done, r.model, r.chat, r.machine));
    metrics.insert(metrics.end(), own.begin(), own.end());
    return metrics;
  };
  return {};
}

Result<StageReport> run_supervised(Run& run, Learner& learner, const ModelAssets& assets,
                                   const TrainingArguments& args, const SupervisedPlan& plan) {
  const double peak = machine_peak(learner.launch());
  R1_RETURN_IF_ERROR(plan.mtp.validate());
  const bool has_mtp = !learner.model().mtp().empty() && !learner.model().adapted();
  const FlopCount flops = count_flops(learner.model(), has_mtp);
  StageReport report;
  Timer timer;
  Progress progress(plan.title, args.max_steps);
  const auto save = [&](int64_t at) {
    return run.save(at, learner, assets, plan.state(),
                    plan.tensors ? plan.tensors() : std::vector<NamedTensor>{});
  };
  int64_t step = run.first_step(), saved = step;
  for (; !plan.is_done(step); ++step) {
    const Timer step_timer;
    std::vector<TokenSequence> sequences;
    if (!plan.accumulate) {
      R1_TRY(sequences, plan.next());
    }
    const double mtp_weight = has_mtp ? plan.mtp.weight(plan.share_done(step)) : 0.0;
    learner.freeze_mtp(mtp_weight == 0);
    if (plan.balance) plan.balance->begin_step(learner, count_rows(sequences));
    auto loss = plan.accumulate
                    ? plan.accumulate()
                    : accumulate_nll(learner, sequences, args.micro_batch_tokens, mtp_weight);
    if (!loss) return fail_with(run.diverged(step + 1, plan.state(), loss.error()));
    const double rate = plan.rate(step);
    const auto norm = learner.step(static_cast<float>(rate));
    if (!norm) return fail_with(run.diverged(step + 1, plan.state(), norm.error()));
    const auto& experts = learner.experts().last;
    if (plan.balance) {
      move_biases(learner.model(), experts, plan.balance->bias_speed(plan.share_done(step + 1)));
    }
    report.tokens += loss->n_rows;
    report.final_loss = loss->loss;
    const int64_t done = step + 1;
    Metrics metrics{{"loss", loss->loss}, {"learning_rate", rate}, {"grad_norm", *norm}};
    metrics.insert(metrics.end(), loss->metrics.begin(), loss->metrics.end());
    metrics.emplace_back("num_tokens", static_cast<double>(loss->n_rows));
    loss->mtp.describe(metrics);
    for (const auto& metric : expert_metrics(experts)) metrics.push_back(metric);
    Metrics measured;
    if (plan.measure) {
      R1_TRY(measured, plan.measure(done));
    }
    metrics.insert(metrics.end(), measured.begin(), measured.end());
    const double seconds = step_timer.seconds();
    const double per_second = static_cast<double>(loss->n_rows) / seconds;
    const double mean_length =
        static_cast<double>(loss->n_rows) / static_cast<double>(loss->n_sequences);
    const double share = flops.train(per_second, mean_length) / peak;
    if (done % args.logging_steps == 0 || !measured.empty()) {
      R1_RETURN_IF_ERROR(run.record(done, metrics));
      R1_RETURN_IF_ERROR(run.record_loads(done, loads_json(experts)));
      R1_RETURN_IF_ERROR(run.record_timing(
          done, {{"step_time", seconds}, {"train/tok_per_sec", per_second}, {"train/mfu", share}}));
    }
    progress.update(done, fmt::format("loss {:.3f} · {} tok/s · {:.0f}% of peak", loss->loss,
                                      human_count(per_second), 100 * share));
    if (args.save_steps > 0 && done % args.save_steps == 0) {
      R1_RETURN_IF_ERROR(save(done));
      saved = done;
    }
  }
  progress.finish();
  if (step != saved) R1_RETURN_IF_ERROR(save(step));
  R1_RETURN_IF_ERROR(run.save_final(learner.model(), assets));
  report.steps = step;
  report.seconds = timer.seconds();
  report.model = (run.folder() / "final").string();
  return report;
}

}  // namespace r1
