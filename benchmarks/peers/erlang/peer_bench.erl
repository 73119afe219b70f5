%% The benchmarks on Erlang/OTP. README.md defines them; program.hpp has the same sizes.
-module(peer_bench).
-export([main/0]).

-define(BATCH, 100).
-define(RING_ACTORS, 100).
-define(ALL_TO_ALL_ACTORS, 120).
-define(FAN_OUT, 10).
-define(WARM_UP, 0.05).

main() ->
    Options = options(init:get_plain_arguments(), #{"--workers" => "1", "--scale" => "1"}),
    Bench = maps:get("--bench", Options, ""),
    Scale = number(maps:get("--scale", Options)),
    case lists:member(Bench, names()) of
        true ->
            Bench =:= "memory" orelse run(Bench, Scale * ?WARM_UP),
            print(Bench, maps:get("--workers", Options), run(Bench, Scale)),
            erlang:halt(0);
        false ->
            io:format(standard_error, "usage: peer_erlang --bench NAME --workers N [--scale X]~n", []),
            erlang:halt(2)
    end.

options([Name, Value | Rest], Options) -> options(Rest, Options#{Name => Value});
options(_, Options) -> Options.

number(Text) ->
    case string:to_float(Text) of
        {Float, _} when is_float(Float) -> Float;
        _ -> float(list_to_integer(Text))
    end.

names() ->
    ["pingpong", "ring", "one_way", "fan_in_2", "fan_in_8", "ask", "all_to_all", "create", "skynet", "memory"].

run("pingpong", Scale) -> circle(2, scaled(4000000, Scale));
run("ring", Scale) -> circle(?RING_ACTORS, scaled(4000000, Scale));
run("one_way", Scale) -> fan_in(1, Scale);
run("fan_in_2", Scale) -> fan_in(2, Scale);
run("fan_in_8", Scale) -> fan_in(8, Scale);
run("ask", Scale) -> ask(scaled(1000000, Scale));
run("all_to_all", Scale) -> all_to_all(scaled(30, Scale));
run("create", Scale) -> create(scaled(200000, Scale));
run("skynet", Scale) -> skynet(leaves(?FAN_OUT, scaled(1000000, Scale)));
run("memory", Scale) -> memory(scaled(1000000, Scale)).

scaled(N, Scale) -> max(1, round(N * Scale)).

leaves(Leaves, Limit) when Leaves * ?FAN_OUT =< Limit -> leaves(Leaves * ?FAN_OUT, Limit);
leaves(Leaves, _) -> Leaves.

%% Measuring: wall and CPU time while Work runs.

%% Reading the CPU time costs some itself (about 1 ms); an empty interval tells how much.
measure(Ops, Work) ->
    Empty = process_cpu_ns(),
    Cpu0 = process_cpu_ns(),
    Wall0 = erlang:monotonic_time(nanosecond),
    Work(),
    Wall1 = erlang:monotonic_time(nanosecond),
    #{ops => Ops, wall => Wall1 - Wall0, cpu => max(0, process_cpu_ns() - Cpu0 - (Cpu0 - Empty))}.

%% User and system time of all threads of the emulator, which keeps its threads to the end.
%% Not statistics(runtime): that leaves out system time, two thirds of the cost of many processes.
process_cpu_ns() ->
    {ok, Threads} = file:list_dir("/proc/self/task"),
    lists:sum([thread_cpu_ns(Thread) || Thread <- Threads]).

thread_cpu_ns(Thread) ->
    {ok, Schedstat} = file:read_file("/proc/self/task/" ++ Thread ++ "/schedstat"),
    [OnCpu | _] = binary:split(Schedstat, <<" ">>),
    binary_to_integer(OnCpu).

print(Bench, Workers, #{ops := Ops, wall := Wall, cpu := Cpu} = Measured) ->
    io:format("{\"bench\":\"~s\",\"peer\":\"erlang\",\"workers\":~s,\"ops\":~b,"
              "\"wall_ns_per_op\":~.2f,\"cpu_ns_per_op\":~.2f~s}~n",
              [Bench, Workers, Ops, Wall / Ops, Cpu / Ops,
               case Measured of
                   #{bytes_per_actor := Bytes} -> io_lib:format(",\"bytes_per_actor\":~.1f", [Bytes]);
                   _ -> ""
               end]).

resident_bytes() ->
    {ok, Status} = file:read_file("/proc/self/status"),
    {match, [KiB]} = re:run(Status, "VmRSS:\\s+(\\d+) kB", [{capture, all_but_first, binary}]),
    binary_to_integer(KiB) * 1024.

wait(Message) -> receive Message -> ok end.

finish(Processes) -> [exit(Process, kill) || Process <- Processes].

%% pingpong, ring

circle(Size, Hops) ->
    Main = self(),
    Processes = [spawn(fun() -> passer_unlinked(Main) end) || _ <- lists:seq(1, Size)],
    [First | Others] = Processes,
    [Process ! {next, Next} || {Process, Next} <- lists:zip(Processes, Others ++ [First])],
    Measured = measure(Hops, fun() -> First ! Hops, wait(done) end),
    finish(Processes),
    Measured.

passer_unlinked(Main) ->
    receive {next, Next} -> passer(Next, Main) end.

passer(Next, Main) ->
    receive
        0 -> Main ! done, passer(Next, Main);
        HopsLeft -> Next ! HopsLeft - 1, passer(Next, Main)
    end.

%% one_way, fan_in_2, fan_in_8

fan_in(Producers, Scale) ->
    Each = max(1, scaled(1000000, Scale) div Producers div ?BATCH) * ?BATCH,
    Main = self(),
    Consumer = spawn(fun() -> consumer(Producers * Each, Main) end),
    Processes = [spawn(fun() -> producer(Consumer, Each) end) || _ <- lists:seq(1, Producers)],
    Measured = measure(Producers * Each, fun() -> [Process ! go || Process <- Processes], wait(done) end),
    finish(Processes),
    Measured.

consumer(0, Main) -> Main ! done;
consumer(Left, Main) -> receive N when is_integer(N) -> consumer(Left - 1, Main) end.

producer(Consumer, Left) when Left > 0 ->
    receive go -> ok end,
    send_batch(Consumer, Left, ?BATCH),
    self() ! go,
    producer(Consumer, Left - ?BATCH);
producer(_, 0) -> ok.

send_batch(_, _, 0) -> ok;
send_batch(Consumer, N, Left) -> Consumer ! N, send_batch(Consumer, N - 1, Left - 1).

%% ask: the protocol of gen_server:call (monitor with an alias), without the server behind it

ask(RoundTrips) ->
    Main = self(),
    Answerer = spawn(fun answerer/0),
    Asker = spawn(fun() -> wait(go), asker(Answerer, 0, RoundTrips), Main ! done end),
    Measured = measure(RoundTrips, fun() -> Asker ! go, wait(done) end),
    finish([Answerer]),
    Measured.

answerer() ->
    receive
        {ask, Alias, N} -> Alias ! {Alias, N + 1}, answerer()
    end.

asker(_, RoundTrips, RoundTrips) -> ok;
asker(Answerer, N, RoundTrips) ->
    Alias = monitor(process, Answerer, [{alias, reply_demonitor}]),
    Answerer ! {ask, Alias, N},
    receive
        {Alias, Answer} -> asker(Answerer, Answer, RoundTrips);
        {'DOWN', Alias, process, _, Reason} -> exit(Reason)
    end.

%% all_to_all

all_to_all(Rounds) ->
    Main = self(),
    Processes = [spawn(fun() -> member(Rounds, Main) end) || _ <- lists:seq(1, ?ALL_TO_ALL_ACTORS)],
    [Process ! {others, lists:delete(Process, Processes)} || Process <- Processes],
    [receive up -> ok end || _ <- Processes],
    Measured = measure(?ALL_TO_ALL_ACTORS * (?ALL_TO_ALL_ACTORS - 1) * Rounds, fun() ->
        [Process ! go || Process <- Processes],
        [wait(done) || _ <- Processes]
    end),
    finish(Processes),
    Measured.

member(Rounds, Main) ->
    receive {others, Others} -> Main ! up, wait(go), member(1, Rounds, Others, Main) end.

member(Round, Rounds, _, Main) when Round > Rounds -> Main ! done;
member(Round, Rounds, Others, Main) ->
    [Other ! Round || Other <- Others],
    receive_round(?ALL_TO_ALL_ACTORS - 1),
    member(Round + 1, Rounds, Others, Main).

receive_round(0) -> ok;
receive_round(Left) -> receive Round when is_integer(Round) -> receive_round(Left - 1) end.

%% create

create(Children) ->
    Main = self(),
    Parent = spawn(fun() -> wait(go), parent(Children), Main ! done end),
    measure(Children, fun() -> Parent ! go, wait(done) end).

parent(0) -> ok;
parent(Left) ->
    Parent = self(),
    {Child, Monitor} = spawn_monitor(fun() -> child(Parent) end),
    receive {up, N} -> Child ! {stop, N} end,
    receive {'DOWN', Monitor, process, _, _} -> parent(Left - 1) end.

child(Parent) ->
    Parent ! {up, 1},
    receive {stop, _} -> ok end.

%% skynet

skynet(Leaves) ->
    Main = self(),
    Owner = spawn(fun() ->
        wait(go),
        Self = self(),
        spawn(fun() -> node(Self, 0, Leaves) end),
        Expected = Leaves * (Leaves - 1) div 2,
        receive Expected -> Main ! done end
    end),
    measure(Leaves, fun() -> Owner ! go, wait(done) end).

node(Parent, First, 1) -> Parent ! First;
node(Parent, First, Leaves) ->
    Self = self(),
    Share = Leaves div ?FAN_OUT,
    [spawn(fun() -> node(Self, First + I * Share, Share) end) || I <- lists:seq(0, ?FAN_OUT - 1)],
    Parent ! sum(?FAN_OUT, 0).

sum(0, Sum) -> Sum;
sum(Pending, Sum) -> receive N when is_integer(N) -> sum(Pending - 1, Sum + N) end.

%% memory

memory(Count) ->
    Main = self(),
    Before = resident_bytes(),
    Measured = measure(Count, fun() -> spawn_idle(Count, atomics:new(1, []), Count, Main), wait(done) end),
    Measured#{bytes_per_actor => (resident_bytes() - Before) / Count}.

%% Nothing keeps the processes' names: an Erlang process lives until it ends.
spawn_idle(0, _, _, _) -> ok;
spawn_idle(Left, Up, Count, Main) ->
    spawn(fun() ->
        case atomics:add_get(Up, 1, 1) of
            Count -> Main ! done;
            _ -> ok
        end,
        idle(0)
    end),
    spawn_idle(Left - 1, Up, Count, Main).

idle(Sum) -> receive N -> idle(Sum + N) end.
