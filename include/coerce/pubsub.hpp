/// \file
/// Everything of the module pubsub.

#pragma once

#include <coerce/pubsub/pubsub.hpp>
#include <coerce/pubsub/system_topic.hpp>
#include <coerce/pubsub/topic.hpp>
