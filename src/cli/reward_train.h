// r1 reward train, which r1 reward lists among its actions.
#pragma once

#include "cli/actions.h"

namespace r1 {

Action reward_train_action();

}  // namespace r1
