using System.Globalization;
using System.Text;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow.Report;

namespace Pedigree.Workflow.Publishing;

/// <summary>
/// Publishes a run's log: each line is a CloudEvent as it stands. They are posted in order, each until it is accepted. How many
/// were, the store keeps beside the log (<c>runs/{run}/published</c>), so whoever publishes the run next goes on from there; only
/// an event whose acceptance could not be kept any more is posted twice.
/// </summary>
public static class EventPublisher
{
    /// <summary>What is left at the end of a run gets so long.</summary>
    public static TimeSpan Grace { get; } = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(0.5);

    /// <summary>
    /// Does work on a run while its events are published beside it. The work neither waits for them nor fails with them; at its
    /// end, good or bad, what is left gets some time.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="target">Where to; null for nowhere.</param>
    /// <param name="work">The work.</param>
    /// <param name="told">Told in the end what was delivered.</param>
    /// <param name="grace">How long the rest may take after the work; <see cref="Grace"/> unless given.</param>
    public static async Task<T> BesideAsync<T>(
        StoredRun run, EventTarget? target, Func<Task<T>> work, Action<Delivery> told, TimeSpan? grace = null)
    {
        if (target is null)
            return await work();
        using CancellationTokenSource over = new(), late = new();
        Task<Delivery> following = Task.Run(() => FollowAsync(run, target, over.Token, late.Token));
        try
        {
            return await work();
        }
        finally
        {
            over.Cancel();
            late.CancelAfter(grace ?? Grace);
            told(await following);
        }
    }

    /// <summary>Publishes what a run's log holds and was not published yet, and returns.</summary>
    /// <param name="run">The run.</param>
    /// <param name="target">Where to.</param>
    /// <param name="patience">How long it may take; <see cref="Grace"/> unless given.</param>
    /// <param name="cancellation">Ends it sooner.</param>
    /// <returns>What was delivered. That not all was is no exception: the next call goes on.</returns>
    public static async Task<Delivery> DeliverAsync(
        StoredRun run, EventTarget target, TimeSpan? patience = null, CancellationToken cancellation = default)
    {
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        late.CancelAfter(patience ?? Grace);
        return await FollowAsync(run, target, over: new(true), late.Token);
    }

    /// <summary>Publishes a run's events as they are appended, until its last one.</summary>
    /// <param name="run">The run.</param>
    /// <param name="target">Where to.</param>
    /// <param name="over">Cancelled when no more is appended: what is there is published, then it returns.</param>
    /// <param name="cancellation">Ends it at once.</param>
    /// <returns>What was delivered; it does not throw where something was not.</returns>
    public static async Task<Delivery> FollowAsync(
        StoredRun run, EventTarget target, CancellationToken over = default, CancellationToken cancellation = default)
    {
        using EventEndpoint endpoint = new(target);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(over, cancellation);
        LogLines log = new(run);
        int delivered = 0, before = 0;
        string? failure = null, timeUp = null;
        try
        {
            delivered = before = await ReadCursorAsync(run, cancellation);
            for (bool last = false; !last && !log.IsOver;)
            {
                last = over.IsCancellationRequested;
                IReadOnlyList<LogLine> lines = await log.ReadOnAsync(cancellation);
                if (log.Count < delivered)
                    throw Wrong(run);
                foreach (LogLine line in lines.Where(line => line.Number > delivered))
                {
                    await endpoint.PostAsync(line.Text, cancellation);
                    delivered = line.Number;
                    // Not cancelled: what was accepted is kept.
                    await run.Store.WriteAsync(CursorOf(run), Encoding.ASCII.GetBytes($"{delivered}\n"), CancellationToken.None);
                }
                if (!last)
                    await Task.Delay(Wait, either.Token)
                        .ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            timeUp = endpoint.Trouble ?? "there was no more time";
        }
        catch (Exception error)
        {
            // Whatever it is, the run goes on, and the next call begins where this one ended.
            failure = error.Message;
        }
        int left = await CountAsync(log) - delivered;
        return new(target.Name, delivered - before, Math.Max(0, left), failure ?? (left > 0 ? timeUp : null));
    }

    private static async Task<int> CountAsync(LogLines log)
    {
        try
        {
            await log.ReadOnAsync(CancellationToken.None);
        }
        catch (Exception)
        {
            // It is in the failure, or will be in the run's own.
        }
        return log.Count;
    }

    private static async Task<int> ReadCursorAsync(StoredRun run, CancellationToken cancellation)
    {
        if (await run.Store.ReadAsync(CursorOf(run), cancellation: cancellation) is not { } content)
            return 0;
        return int.TryParse(Encoding.ASCII.GetString(content).TrimEnd('\n'), NumberStyles.None, CultureInfo.InvariantCulture,
            out int count) ? count
            : throw Wrong(run);
    }

    private static BadInputException Wrong(StoredRun run) => new(run.Store.AddressOf(CursorOf(run)), null,
        "must be the number of events of the log that were published; write it, or remove the file to publish them all again");

    private static string CursorOf(StoredRun run) => $"runs/{run.Id}/published";
}

/// <summary>What became of a run's events.</summary>
/// <param name="Target">Where they were published.</param>
/// <param name="Delivered">How many were accepted this time.</param>
/// <param name="Undelivered">How many of those in the log were not accepted yet.</param>
/// <param name="Failure">Why not all were; null where all were.</param>
public sealed record Delivery(string Target, int Delivered, int Undelivered, string? Failure)
{
    /// <summary>What is left and why, in words; null where nothing is.</summary>
    public string? Warning =>
        Failure is null ? null : $"{Format.Plural(Undelivered, "event")} not delivered to {Target}: {Failure}";
}
