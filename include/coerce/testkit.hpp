/// \file
/// Tests of actors: virtual time, seeded order, probes, exploration.

#pragma once

#include <coerce/actor.hpp>
#include <coerce/testkit/expectation.hpp>
#include <coerce/testkit/explore.hpp>
#include <coerce/testkit/probe.hpp>
#include <coerce/testkit/test_system.hpp>
#ifdef COERCE_TESTKIT_PERSISTENCE
#include <coerce/testkit/conformance.hpp>
#include <coerce/testkit/failing_journal.hpp>
#endif
#ifdef COERCE_TESTKIT_REMOTE
#include <coerce/testkit/network.hpp>
#include <coerce/testkit/simulation.hpp>
#include <coerce/testkit/simulation_batch.hpp>
#endif
