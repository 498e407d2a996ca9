namespace Pedigree.Evaluation.Tasks;

/// <summary>
/// The standard error of a number that is no mean of its items: how far it scatters when as many items are drawn from them again
/// and again. Bit for bit the harness's bootstrap_stderr: pieces of 1000 draws, piece i by Python's random.Random(i).choices, and
/// the sample deviation over all of them. Pieces have nothing to do with each other, so that processors share them.
/// </summary>
internal static class Bootstrap
{
    /// <summary>Draws of the harness, unless it is told otherwise.</summary>
    public const int Draws = 100_000;

    private const int Piece = 1000;

    /// <param name="items">Number of items.</param>
    /// <param name="draws">At least 2; of more than 1000 what is over a whole thousand is left out, as in the harness.</param>
    /// <param name="statistic">The number, of the items at these places.</param>
    /// <param name="cancellation">Ends it.</param>
    public static double StandardError(int items, int draws, Func<int[], double> statistic, CancellationToken cancellation)
    {
        var piece = Math.Min(Piece, draws);
        var results = new double[draws / piece * piece];
        Parallel.For(0, draws / piece, new ParallelOptions { CancellationToken = cancellation }, () => new int[items],
            (number, _, drawn) =>
            {
                var random = new PythonRandom((uint)number);
                for (var i = 0; i < piece; i++)
                {
                    random.Choose(items, drawn);
                    results[number * piece + i] = statistic(drawn);
                }
                return drawn;
            }, _ => { });
        return Aggregate.Deviation(results);
    }
}
