namespace Pedigree.Workflow.Activities;

/// <summary>Passes a fraction on where it is reported, unlike <see cref="Progress{T}"/>, which may mix up the order.</summary>
internal sealed class FractionProgress(Action<double> report) : IProgress<double>
{
    public void Report(double value) => report(value);
}
