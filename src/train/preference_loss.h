// Losses of a model that scores, each with its derivative beside it, and what is told of its
// scores.
#pragma once

#include <span>
#include <vector>

#include "base/records.h"

namespace r1 {

/// 1 / (1 + exp(-x)) and ln of it, exact where exp would overflow.
double sigmoid(double x);
double log_sigmoid(double x);

/// Pairs: Σ_i [−ln σ(c_i − r_i − m_i) + λ (c_i + r_i)²] / total; returns the loss and sets the
/// derivatives.                    [Bradley & Terry 1952; Ouyang et al. 2022, eq. 1; margin m:
/// Touvron et al. 2023, section 3.2.2; λ = center_rewards_coefficient: Eisenstein et al. 2023]
///   d/dc = (−σ(−d) + 2 λ (c + r)) / total,  d/dr = (σ(−d) + 2 λ (c + r)) / total,  d = c − r − m
double bradley_terry(std::span<const float> chosen, std::span<const float> rejected,
                     std::span<const float> margin, double center_coefficient, double total,
                     std::span<float> dchosen, std::span<float> drejected);

/// Labelled responses: Σ_i −[y_i ln σ(s_i) + (1 − y_i) ln σ(−s_i)] / total, d/ds = (σ(s) − y) /
/// total.
double binary_cross_entropy(std::span<const float> score, std::span<const float> label,
                            double total, std::span<float> dscore);

/// Predicted probabilities and what happened. Brier score: mean (p − y)². Expected calibration
/// error: over n_bins equal bins of p, the mean of |mean p − mean y| weighted by the bin's share.
///                                                   [Brier 1950; Guo et al. 2017, eq. 3]
double brier_score(std::span<const double> probability, std::span<const int> outcome);
double calibration_error(std::span<const double> probability, std::span<const int> outcome,
                         int n_bins = 10);

/// accuracy, margin, mean_reward, min_reward, max_reward (names as in TRL), ece, brier. Pairs: the
/// probability is σ(c − r), taken as that of the response that leads, so that bins lie in ½ … 1.
Metrics describe_pairs(std::span<const float> chosen, std::span<const float> rejected);
/// The same of labelled responses: accuracy of the sign, margin between the two labels' means (left
/// out when one is absent), probability σ(s).
Metrics describe_labelled(std::span<const float> score, std::span<const float> label);

}  // namespace r1
