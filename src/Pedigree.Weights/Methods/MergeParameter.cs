namespace Pedigree.Weights.Methods;

/// <summary>A parameter of a method; true and false are 1 and 0.</summary>
/// <param name="Name">Its key.</param>
/// <param name="ByModel">Whether each model may have its own.</param>
/// <param name="Default">Taken where nothing is given; null where it must be given.</param>
/// <param name="Least">Least value allowed.</param>
/// <param name="Greatest">Greatest value allowed.</param>
/// <param name="Whole">Whether only whole numbers are allowed.</param>
public sealed record MergeParameter(
    string Name, bool ByModel = false, double? Default = null,
    double Least = double.NegativeInfinity, double Greatest = double.PositiveInfinity, bool Whole = false)
{
    /// <summary>True or false, one for all models.</summary>
    public static MergeParameter Flag(string name, bool absent) =>
        new(name, Default: absent ? 1 : 0, Least: 0, Greatest: 1, Whole: true);

    /// <summary>Whether it is true or false.</summary>
    internal bool IsFlag => (Whole, Least, Greatest) is (true, 0, 1);

    /// <summary>What may be given, in words; null where the value may.</summary>
    internal string? WhatIsWrong(double value)
    {
        if (value >= Least && value <= Greatest && (!Whole || value == Math.Floor(value)))
            return null;
        var range = (Least, Greatest) switch
        {
            _ when IsFlag => "true or false",
            (double.NegativeInfinity, _) => $"at most {Greatest}",
            (_, double.PositiveInfinity) => $"at least {Least}",
            _ => $"from {Least} to {Greatest}",
        };
        return FormattableString.Invariant($"{Name} is {value}; it must be {(Whole && !IsFlag ? "a whole number " : "")}{range}");
    }
}
