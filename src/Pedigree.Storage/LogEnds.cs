using Pedigree.Evolution;
using Pedigree.Weights;

namespace Pedigree.Storage;

/// <summary>
/// How a run stands by the two ends of its log, for two small reads however long it is. The lines looked at are verified, each by
/// itself and with the line before; damage between the ends is found by who reads all of it.
/// </summary>
/// <param name="Spec">What was asked for; null where the run has not begun.</param>
/// <param name="Last">The event that completed the last generation, where there is one, and all events since.</param>
public sealed record LogEnds(RunSpec? Spec, IReadOnlyList<RunEvent> Last)
{
    // Some twenty lines.
    private const int Usual = 1 << 14;

    /// <summary>The last generation that is over; null before there is one.</summary>
    public GenerationCompleted? Generation => Last.OfType<GenerationCompleted>().FirstOrDefault();

    /// <summary>How the run ended; null while it goes on.</summary>
    public RunCompleted? Completed => Last.OfType<RunCompleted>().FirstOrDefault();

    /// <summary>The best model so far, ties by name; null before one was evaluated.</summary>
    public Best? Best => Last.OfType<ModelEvaluated>().Where(model => model.Name != RunState.BaseName && model.Partial is null)
        .Select(model => new Best(model.Name, model.Average)).Concat(Generation is null ? [] : [Generation.Best])
        .OrderByDescending(model => model.Average).ThenBy(model => model.Name, StringComparer.Ordinal).FirstOrDefault();

    /// <summary>Reads the ends of a run's log, and further back where no generation ended among its last lines.</summary>
    /// <exception cref="BadInputException">A line is damaged: names file, line or byte, and what is wrong.</exception>
    public static async Task<LogEnds> ReadAsync(StoredRun run, CancellationToken cancellation = default)
    {
        for (int most = Usual; ; most *= 8)
        {
            (byte[] first, long length) = await run.Store.ReadFirstAsync(run.Log, most, cancellation) ?? ([], 0);
            long from = Math.Max(first.Length, length - most);
            byte[] last = from == length ? [] : await run.Store.ReadAsync(run.Log, from, cancellation) ?? [];
            bool whole = from == first.Length;
            LogPart beginning = new(run, whole ? [.. first, .. last] : first, 0), end = whole ? beginning : new(run, last, from);
            if (beginning.Lines == 0 && !whole)
                continue;
            RunSpec? spec = beginning.Lines == 0 ? null : (beginning.Read(0) as RunStarted)?.Spec;
            List<RunEvent> events = [];
            for (int line = end.Lines - 1; line >= 0 && events is not [GenerationCompleted, ..]; line--)
                events.Insert(0, end.Read(line));
            if (whole || events is [GenerationCompleted, ..])
                return new(spec, events);
        }
    }

    /// <summary>
    /// The whole lines of a part of a log; what comes before the first newline is passed over where it may be the rest of a line.
    /// </summary>
    private sealed class LogPart(StoredRun run, byte[] bytes, long from)
    {
        // Where each line begins, and where the last one ends.
        private readonly int[] _starts = [.. (from == 0 ? [0] : Array.Empty<int>()).Concat(
            bytes.Index().Where(each => each.Item == '\n').Select(each => each.Index + 1))];

        public int Lines => Math.Max(0, _starts.Length - 1);

        public RunEvent Read(int line)
        {
            try
            {
                return EventLine.Read(
                    run.Id, At(line), line > 0 ? Hashing.Sha256(At(line - 1)) : from == 0 ? EventLine.NoPrevious : null).Event;
            }
            catch (FormatException error)
            {
                throw new BadInputException(
                    run.LogAddress, from == 0 ? $"line {line + 1}" : $"byte {from + _starts[line]}", error.Message);
            }
        }

        private ReadOnlySpan<byte> At(int line) => bytes.AsSpan(_starts[line], _starts[line + 1] - 1 - _starts[line]);
    }
}
