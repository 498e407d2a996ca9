namespace Pedigree.Evaluation.Tasks;

/// <summary>
/// f1 and mcc: how well the best choices of items agree with the right ones, by how often each pair of them comes.
/// </summary>
internal sealed class Agreement
{
    private readonly bool _isF1;
    private readonly int _choices;

    /// <summary>The pair of every item: right choice · number of choices + best choice.</summary>
    private readonly int[] _pairs;

    /// <param name="metric">f1 or mcc.</param>
    /// <param name="golds">The right choice of every item.</param>
    /// <param name="picks">The best one.</param>
    public Agreement(string metric, IReadOnlyList<int> golds, IReadOnlyList<int> picks)
    {
        _isF1 = metric == "f1";
        _choices = 1 + Math.Max(1, golds.Concat(picks).Max());
        _pairs = [.. golds.Zip(picks, (gold, pick) => gold * _choices + pick)];
    }

    /// <summary>
    /// f1: 2·TP / (2·TP + FP + FN), choice 1 being the positive one; mcc: Matthews' correlation of any number of choices
    /// (Gorodkin 2004). Where there is nothing to divide by, 0.
    /// </summary>
    /// <param name="places">The items that count; one may come several times.</param>
    public double Over(int[] places)
    {
        var counts = new int[_choices * _choices];
        foreach (var place in places)
            counts[_pairs[place]]++;
        double right = 0, both = 0, goldSquares = 0, pickSquares = 0, marked = 0, n = places.Length;
        for (var choice = 0; choice < _choices; choice++)
        {
            double gold = 0, pick = 0;
            for (var other = 0; other < _choices; other++)
            {
                gold += counts[choice * _choices + other];
                pick += counts[other * _choices + choice];
            }
            right += counts[choice * _choices + choice];
            (both, goldSquares, pickSquares) = (both + gold * pick, goldSquares + gold * gold, pickSquares + pick * pick);
            marked = choice == 1 ? gold + pick : marked;
        }
        if (_isF1)
            return marked == 0 ? 0 : 2.0 * counts[_choices + 1] / marked;
        var scale = Math.Sqrt((n * n - goldSquares) * (n * n - pickSquares));
        return scale == 0 ? 0 : (right * n - both) / scale;
    }
}
